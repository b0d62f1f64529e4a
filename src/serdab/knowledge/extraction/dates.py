"""Dates as people write them, in English, Arabic, Chinese, German, French, Spanish, Italian and Dutch."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from serdab.knowledge.extraction.digits import ANY_DIGIT, plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower

_ENGLISH = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_ARABIC = (
    ("يناير", "كانون الثاني"), ("فبراير", "شباط"), ("مارس", "آذار"), ("أبريل", "ابريل", "نيسان"), ("مايو", "أيار"),
    ("يونيو", "حزيران"), ("يوليو", "تموز"), ("أغسطس", "اغسطس", "آب"), ("سبتمبر", "أيلول"),
    ("أكتوبر", "اكتوبر", "تشرين الأول"), ("نوفمبر", "تشرين الثاني"), ("ديسمبر", "كانون الأول"),
)  # fmt: skip
_OTHER_NAMES = (
    ("januar", "jänner", "janvier", "janv", "enero", "ene", "gennaio", "januari"),
    ("februar", "février", "fevrier", "févr", "febrero", "febbraio", "februari"),
    ("märz", "maerz", "mrz", "mars", "marzo", "maart"), ("avril", "avr", "abril", "abr", "aprile"),
    ("mai", "mayo", "maggio", "mei"), ("juni", "juin", "junio", "giugno"),
    ("juli", "juillet", "juil", "julio", "luglio"), ("août", "aout", "agosto", "ago", "augustus"),
    ("septembre", "septiembre", "settembre"), ("oktober", "okt", "octobre", "octubre", "ottobre"),
    ("novembre", "noviembre"), ("dezember", "dez", "décembre", "decembre", "diciembre", "dic", "dicembre"),
)  # fmt: skip
#: Names that stand behind their day only.
_DAY_FIRST_NAMES = (
    ("tammikuu", "stycznia", "ledna"), ("fevereiro", "helmikuu", "lutego", "února"),
    ("março", "maaliskuu", "března"), ("huhtikuu", "kwietnia", "dubna"), ("maj", "toukokuu", "května"),
    ("kesäkuu", "czerwca", "června"), ("heinäkuu", "lipca", "července"), ("elokuu", "sierpnia", "srpna"),
    ("setembro", "syyskuu", "września", "září"), ("outubro", "lokakuu", "października", "října"),
    ("marraskuu", "listopad"), ("desember", "joulukuu", "grudnia", "prosince"),
)  # fmt: skip
_MONTHS = (
    {name: number for number, name in enumerate(_ENGLISH, 1)}
    | {name[:3]: number for number, name in enumerate(_ENGLISH, 1)}
    | {"sept": 9}
    | {name: number for number, names in enumerate(_ARABIC, 1) for name in names}
    | {name: number for number, names in enumerate(_OTHER_NAMES, 1) for name in names}
)
#: Looked at first, at each character: most begin no month, and few words have a digit behind them.
_MAY_BEGIN = "[" + "".join(sorted({name[0] for name in _MONTHS})) + r"]\D{1,20}\d"
_MONTH_FIRST_NAMES = "|".join(sorted((re.escape(name) for name in _MONTHS), key=len, reverse=True))
_MONTHS |= {name: number for number, names in enumerate(_DAY_FIRST_NAMES, 1) for name in names}
_NAMES = "|".join(sorted((re.escape(name) for name in _MONTHS), key=len, reverse=True))

_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})([-/.]|\. (?=\d{1,2}\. \d{4}))(\d{1,2})\2(\d{4}|\d{2})(?![\d/-])")
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|°)?\.?[ /-]?(?:of |day of |de |"
    rf"من )?({_NAMES})[a-z]{{0,6}} ?[.,]?[ /-]?(?:de |del )?"
    r"(\d{4}|\d{2}(?!\d))",
    re.I,
)
_MONTH_FIRST = re.compile(
    rf"(?={_MAY_BEGIN})(?<![a-z])({_MONTH_FIRST_NAMES})[a-z]{{0,6}}\.? ?(\d{{1,2}})(?:st|nd|rd|th)?,? ?(\d{{4}})(?!\d)",
    re.I,
)
_CHINESE = re.compile(r"(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?[日号]")
#: What only a paper of the United States has: a state with a ZIP code, or the name of the country.
_STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
_UNITED_STATES = re.compile(rf"\b(?:{_STATES}),? \d{{5}}(?:-\d{{4}})?\b|\bUnited States\b|\bU\.S\.A?\b|\bUSA\b")
#: Characters that are looked at for the order of day and month.
_EVIDENCE = 20_000


def find_dates(text: str) -> Iterator[Field]:
    """Every date of a text; what could be two dates is read in the order that the rest of the text shows."""
    if ANY_DIGIT.search(text) is None:
        return
    text = plain_digits(text)
    for match in _CHINESE.finditer(text):
        yield from _field(match, match[1], match[2], match[3], 0.98, "year, month and day named")
    for match in _ISO.finditer(text):
        yield from _field(match, match[1], match[3], match[4], 0.98, "year first")
    for match in _DAY_FIRST.finditer(text):
        yield from _field(match, match[3], match[2], match[1], 0.97, "month named")
    for match in _MONTH_FIRST.finditer(text):
        yield from _field(match, match[3], match[1], match[2], 0.97, "month named")
    numeric = list(_NUMERIC.finditer(text))
    if numeric:
        yield from _numeric(text, numeric)


def _numeric(text: str, numeric: list[re.Match[str]]) -> Iterator[Field]:
    month_first, told = _order(text, numeric)
    for match in numeric:
        first, second = int(match[1]), int(match[3])
        if first <= 12 < second:
            yield from _field(match, match[4], match[1], match[3], 0.93, "only the second number can be a day")
        elif first > 12 or first == second:
            yield from _field(match, match[4], match[3], match[1], 0.93, "only the first number can be a day")
        elif month_first and match[2][0] != ".":
            yield from _field(match, match[4], match[1], match[3], 0.8, f"month first, by {told}")
        else:
            yield from _field(
                match, match[4], match[3], match[1], 0.85 if told else 0.75, f"day first, by {told or 'rule'}"
            )


def _order(text: str, numeric: list[re.Match[str]]) -> tuple[bool, str]:
    """Whether the month stands first, and by what that is known."""
    pairs = [(int(match[1]), int(match[3])) for match in numeric]
    days = sum(12 < first <= 31 and 1 <= second <= 12 for first, second in pairs)
    months = sum(12 < second <= 31 and 1 <= first <= 12 for first, second in pairs)
    if days != months:
        return months > days, "another date of the text"
    if _UNITED_STATES.search(text[:_EVIDENCE]):
        return True, "a place of the United States"
    return False, ""


def _field(match: re.Match[str], year: str, month: str, day: str, confidence: float, reason: str) -> Iterator[Field]:
    number = int(month) if month.isdecimal() else _MONTHS.get(lower(month), 0)
    full = int(year) if len(year) == 4 else 2000 + int(year) if int(year) < 70 else 1900 + int(year)
    try:
        date = datetime.date(full, number, int(day))
    except ValueError:
        return
    yield Field(
        kind="date", value=date.isoformat(), start=match.start(), end=match.end(), confidence=confidence, reason=reason
    )
