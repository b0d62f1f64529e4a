"""All values of a kind that a text holds, each kind looked for once and only when a schema asks for it."""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Callable, Iterator

import msgspec

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.contracts import find_durations
from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.identifiers import find_cards, find_ibans, find_phones, find_vat_numbers
from serdab.knowledge.extraction.numbers import find_numbers
from serdab.knowledge.extraction.thousands import join_thousands

_DECIMAL = re.compile(
    r"(?<![\w.,'])-?(?:\d{1,3}(?: \d{3}){1,4}(?![.,\d])|\d{1,3}(?:[,']\d{3}){1,4}|\d{1,3}(?:\.\d{3}){1,4}(?=,)|"
    r"\d{1,2}(?:,\d{2}){1,4},\d{3}|\d{1,12})(?:[.,]\d{1,6})?(?![\w.,']?\d)"
)
_LAST_CELL = re.compile(r"(?<=\t)(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,9})(?:[.,]\d)?(?=[\t ]{0,20}(?:[\n\f]|$))")
_ID = re.compile(r"(?<![\w-])(?=[^\s]{0,30}\d)[A-Za-z0-9][A-Za-z0-9/_.-]{1,30}(?<![.,/_-])")


class Candidates:
    """The values of a text by kind."""

    def __init__(self, text: str, lang: str) -> None:
        self.text = text
        self._lang = lang
        self._known: dict[str, list[Field]] = {}

    @functools.cached_property
    def plain(self) -> str:
        """The text with plain digits, at the same places."""
        return plain_digits(self.text)

    def of_kind(self, kind: str) -> list[Field]:
        """Every value of a kind, in the order of the text; none for kinds that only their words announce."""
        if kind not in self._known:
            found = sorted(self._find(kind), key=lambda field: (field.start, -field.confidence))
            self._known[kind] = found
        return self._known[kind]

    def _find(self, kind: str) -> Iterator[Field]:
        if kind == "phone":
            return find_phones(self.text, self._lang)
        if kind == "money":
            return _find_money(self.text)
        finder = _FINDERS.get(kind)
        return finder(self.text) if finder is not None else iter(())


def _find_money(text: str) -> Iterator[Field]:
    """The amounts, and in the last cell of a line that has none a number as sheets write it: `VAT 20 %` and `50.6`."""
    amounts = list(find_amounts(text))
    yield from amounts
    ends = sorted(amount.end for amount in amounts)
    for match in _LAST_CELL.finditer(plain_digits(text)):
        before = bisect.bisect(ends, match.start())
        if not before or "\n" in text[ends[before - 1] : match.start()]:
            value = _of_sheet(match[0])
            yield msgspec.structs.replace(_field("amount", match, value, "the last cell of its line"), confidence=0.5)


def _of_sheet(written: str) -> str:
    """`1,250` and `240.5`, whose last zero a sheet does not show."""
    whole, mark, decimal = written.partition(written[-2]) if written[-2:-1] in {".", ","} else (written, "", "")
    return re.sub(r"\D", "", whole) + (f".{decimal}0" if mark else "")


def _find_emails(text: str) -> Iterator[Field]:
    return (field for field in find_numbers(text) if field.kind == "email")


def _find_durations(text: str) -> Iterator[Field]:
    return (_field("duration", match, value, "a span of time") for match, value in find_durations(text))


def _find_decimals(text: str) -> Iterator[Field]:
    for match in _DECIMAL.finditer(join_thousands(text)):
        yield _field("decimal", match, _decimal(match[0]), "a number")


def _find_ids(text: str) -> Iterator[Field]:
    return (_field("id", match, match[0], "letters and digits") for match in _ID.finditer(plain_digits(text)))


_FINDERS: dict[str, Callable[[str], Iterator[Field]]] = {
    "date": find_dates, "iban": find_ibans, "vat": find_vat_numbers, "card": find_cards,
    "email": _find_emails, "duration": _find_durations, "decimal": _find_decimals, "id": _find_ids,
}  # fmt: skip


def _decimal(written: str) -> str:
    digits = written.replace(" ", "").replace("'", "")
    if "," in digits and "." in digits:
        last = max(digits.rfind(","), digits.rfind("."))
        return re.sub(r"[.,]", "", digits[:last]) + "." + digits[last + 1 :]
    if digits.count(",") == 1 and len(digits) - digits.index(",") != 4:
        return digits.replace(",", ".")
    return digits.replace(",", "")


def _field(kind: str, match: re.Match[str], value: str, reason: str) -> Field:
    return Field(kind=kind, value=value, start=match.start(), end=match.end(), confidence=0.8, reason=reason)
