"""Things that carry a number or an address of their own: IBANs, mail addresses, phones, links, ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.knowledge.extraction.digits import ANY_DIGIT
from serdab.knowledge.extraction.fields import Field

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?![\w@])", re.I)
_URL = re.compile(r"https?://[^\s<>\"')\]]{3,2000}", re.I)
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])")
_PHONE = re.compile(
    r"(?<![\w.])(?:tel|phone|fax|mobile|هاتف|جوال|电话)[a-z.]{0,8}[ :]{0,3}(\+?[\d][\d ()./-]{5,20}\d)"
    r"|(?<![\w.])(\+\d[\d ()-]{6,18}\d)",
    re.I,
)
_ID = re.compile(
    r"(?<![a-z])(invoice|receipt|order|reference|ref|bill|document|contract|ticket|case|فاتورة|رقم الطلب|订单号)"
    r"[ ]?(?:no|number|nr|id|#|رقم)?\.?[ ]?[:#]?[ ]?([A-Z0-9][A-Z0-9/_-]{2,30})",
    re.I,
)


def find_numbers(text: str) -> Iterator[Field]:
    """Every one of them."""
    yield from _find_addresses(text)
    if ANY_DIGIT.search(text) is not None:
        yield from _find_digits(text)


def _find_addresses(text: str) -> Iterator[Field]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield _field("email", match, 0, match[0].lower(), 0.98, "the form of a mail address")
    for match in _URL.finditer(text):
        yield _field("url", match, 0, match[0].rstrip(".,;"), 0.97, "the form of a link")


def _find_digits(text: str) -> Iterator[Field]:
    for match in _IBAN.finditer(text):
        value = match[0].replace(" ", "")
        if is_iban(value):
            yield _field("iban", match, 0, value, 0.99, "its check digits are right")
    for match in _PHONE.finditer(text):
        group = 1 if match[1] else 2
        digits = re.sub(r"[^\d+]", "", match[group])
        if 7 <= len(digits.lstrip("+")) <= 15:
            yield _field("phone", match, group, digits, 0.85, "behind a word for telephone, or with a country code")
    for match in _ID.finditer(text):
        if any(char.isdigit() for char in match[2]):
            yield _field("id", match, 2, match[2], 0.8, f"behind the word {match[1].lower()!r}")


def is_iban(value: str) -> bool:
    """Check digits by ISO 13616: the number with its head at its tail leaves 1 when divided by 97."""
    if not 15 <= len(value) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in value[4:] + value[:4])) % 97 == 1


def _field(kind: str, match: re.Match[str], group: int, value: str, confidence: float, reason: str) -> Field:
    start, end = match.span(group)
    return Field(
        kind=kind, value=value, start=start, end=min(end, start + len(match[group])), confidence=confidence,
        reason=reason,
    )  # fmt: skip
