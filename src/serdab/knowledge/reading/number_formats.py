"""Number formats of workbooks (ECMA-376, 18.8.31): what a cell shows beside the number that it holds."""

from __future__ import annotations

import functools
import re
import unicodedata
from decimal import Decimal, InvalidOperation

GENERAL = "General"
#: Longest format that is looked at, characters.
MOST_CODE = 200
#: Formats that a workbook need not explain (ECMA-376, 18.8.30), by their number; of dates only that they are some.
BUILT_IN = {
    "2": "0.00",
    "4": "#,##0.00",
    "9": "0%",
    "10": "0.00%",
    **{str(number): "yyyy-mm-dd hh:mm" for number in (*range(14, 23), *range(27, 37), 45, 47, *range(50, 59))},
    "46": "[h]:mm:ss",
}
_ELAPSED = re.compile(r"\[(h{1,20}|m{1,20}|s{1,20})\]", re.IGNORECASE)
#: What is shown as it is written; what sets a width or fills one, which is not.
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]')
_SPACING = re.compile(r"[_*].|\[[^\]]*\]")
_DECIMALS = re.compile(r"\.([0#?]{1,30})")
_ZEROS = re.compile(r"\.(0{1,9})$")
_CODE = re.compile(r"[A-Z]{3}")
#: Days of a spreadsheet's clock, seconds.
_DAY_S = 86_400
_MOST_DIGITS = 15


@functools.lru_cache(maxsize=1_000)
def is_date_format(code: str) -> bool:
    """Whether a format shows a day or a time of day, and no elapsed time."""
    from openpyxl.styles.numbers import is_date_format as is_some_date

    return bool(is_some_date(code)) and not _ELAPSED.search(code)


def shown_number(value: str, code: str) -> str:
    """A number as its cell shows it, as far as that tells: elapsed time, percent, currency, zeros at either end."""
    try:
        number = Decimal(repr(float(value)))
    except (ValueError, InvalidOperation):
        return value
    if not number.is_finite():
        return value
    elapsed = _ELAPSED.search(code)
    if elapsed:
        return _elapsed(number, elapsed[1][0].lower())
    pattern, front, behind = _parts_of(code)
    if "%" in pattern:
        return f"{_plain(number * 100)}%"
    if front or behind:
        decimals = _DECIMALS.search(pattern)
        shown = f"{number:.{len(decimals[1]) if decimals else 0}f}"
        if behind or front.isalpha():
            return " ".join(filter(None, (front, shown, behind)))
        return "-" * shown.startswith("-") + front + shown.lstrip("-")
    if len(pattern) > 1 and not pattern.strip("0") and number == number.to_integral_value():
        return f"{int(number):0{min(len(pattern), _MOST_DIGITS)}d}"
    return _padded(_plain(number), _ZEROS.search(pattern))


@functools.lru_cache(maxsize=1_000)
def _parts_of(code: str) -> tuple[str, str, str]:
    """The pattern of the digits of a format for positive numbers, and the currency before or behind them."""
    found: list[tuple[int, str]] = []
    for match in _LITERAL.finditer(code):
        text = next((group for group in match.groups() if group), "").strip()
        if _is_currency(text):
            found.append((match.start(), text))
    bare = _SPACING.sub("", _LITERAL.sub("", code))
    pattern = bare.partition(";")[0].strip()
    for sign in (pattern[:1], pattern[-1:]):
        if sign and _is_currency(sign):
            found.append((0 if pattern.startswith(sign) else MOST_CODE, sign))
            pattern = pattern.strip(sign)
    if not found:
        return pattern, "", ""
    place, currency = found[0]
    digits = re.search(r"[0#?]", _LITERAL.sub(lambda match: " " * len(match[0]), code))
    is_front = digits is not None and place < digits.start()
    return pattern, currency if is_front else "", "" if is_front else currency


def _is_currency(text: str) -> bool:
    return bool(_CODE.fullmatch(text)) or (0 < len(text) < 5 and any(unicodedata.category(s) == "Sc" for s in text))


def _elapsed(days: Decimal, unit: str) -> str:
    seconds = round(abs(days) * _DAY_S)
    sign = "-" if days < 0 else ""
    if unit == "s":
        return f"{sign}{seconds}"
    minutes, seconds = divmod(seconds, 60)
    if unit == "m":
        return f"{sign}{minutes}:{seconds:02d}"
    return f"{sign}{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


def _padded(shown: str, zeros: re.Match[str] | None) -> str:
    """A number with the decimals that its format asks for; none that it has is lost."""
    whole, _, decimals = shown.partition(".")
    if zeros is None or len(decimals) >= len(zeros[1]) or not whole.lstrip("-").isdigit():
        return shown
    return f"{whole}.{decimals.ljust(len(zeros[1]), '0')}"


def _plain(number: Decimal) -> str:
    """A number as people write it: 0.1 and not 0.10000000000000001."""
    if number == number.to_integral_value() and abs(number) < 10**_MOST_DIGITS:
        return str(int(number))
    return format(float(number), f".{_MOST_DIGITS}g")
