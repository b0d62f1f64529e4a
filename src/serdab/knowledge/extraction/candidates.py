"""All values of a kind that a text holds, each kind looked for once and only when a schema asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.contracts import find_durations
from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.identifiers import find_cards, find_ibans, find_phones, find_vat_numbers
from serdab.knowledge.extraction.numbers import find_numbers

_DECIMAL = re.compile(r"(?<![\w.,])-?(?:\d{1,3}(?:[, ]\d{3}){1,4}|\d{1,12})(?:[.,]\d{1,6})?(?![\w.,]?\d)")
_ID = re.compile(r"(?<![\w-])(?=[^\s]{0,30}\d)[A-Za-z0-9][A-Za-z0-9/_.-]{1,30}(?<![.,/_-])")


class Candidates:
    """The values of a text by kind."""

    def __init__(self, text: str, lang: str) -> None:
        self.text = text
        self._lang = lang
        self._known: dict[str, list[Field]] = {}

    def of_kind(self, kind: str) -> list[Field]:
        """Every value of a kind, in the order of the text; none for kinds that only their words announce."""
        if kind not in self._known:
            found = sorted(self._find(kind), key=lambda field: (field.start, -field.confidence))
            self._known[kind] = found
        return self._known[kind]

    def _find(self, kind: str) -> Iterator[Field]:
        text = self.text
        if kind == "date":
            yield from find_dates(text)
        elif kind == "money":
            yield from find_amounts(text)
        elif kind == "iban":
            yield from find_ibans(text)
        elif kind == "vat":
            yield from find_vat_numbers(text)
        elif kind == "card":
            yield from find_cards(text)
        elif kind == "phone":
            yield from find_phones(text, self._lang)
        elif kind == "email":
            yield from (field for field in find_numbers(text) if field.kind == "email")
        elif kind == "duration":
            for match, value in find_durations(text):
                yield _field(kind, match, value, "a span of time")
        elif kind == "decimal":
            for match in _DECIMAL.finditer(plain_digits(text)):
                yield _field(kind, match, _decimal(match[0]), "a number")
        elif kind == "id":
            for match in _ID.finditer(plain_digits(text)):
                yield _field(kind, match, match[0], "letters and digits")


def _decimal(written: str) -> str:
    digits = written.replace(" ", "")
    if "," in digits and "." in digits:
        last = max(digits.rfind(","), digits.rfind("."))
        return re.sub(r"[.,]", "", digits[:last]) + "." + digits[last + 1 :]
    if digits.count(",") == 1 and len(digits) - digits.index(",") != 4:
        return digits.replace(",", ".")
    return digits.replace(",", "")


def _field(kind: str, match: re.Match[str], value: str, reason: str) -> Field:
    return Field(kind=kind, value=value, start=match.start(), end=match.end(), confidence=0.8, reason=reason)
