"""By when an invoice asks for its money: bis zum 17.03., avant le 30 juin, the year left out more often than not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.fields import Field

_WORDS = (
    r"(?:zahlbar|erbeten|zahlung|zahlungseingang|zahlen|überweisen) bis(?: zum)?|"
    r"fällig (?:am|zum|bis(?: zum)?)|(?:spätestens )?bis (?:spätestens )?(?:zum|am)|"
    r"spätestens (?:am|zum)"
)
#: Right before the words no day, "01.02. bis zum 28.02." is a span; right behind them one, perhaps with its weekday.
_ASKED = re.compile(
    rf"(?<!\d )(?<!\d\. )(?<!\w)(?:{_WORDS}) ?:? ?(?:den |[a-z]{{4,10}}, ?(?:den )?)?"
    r"((\d{1,2}\. ?(?:\d{1,2}(?!\d)\.?|[a-zä]{3,9}\.?))( ?\d{4}|\d{2})?)(?![\d,])",
    re.I,
)
#: The same in French, Spanish, Italian and Dutch, where only the sentence says that it is about paying.
_ASKED_ABROAD = re.compile(
    r"(?<!\w)(?:avant le|au plus tard le|d['’]ici (?:le|au)|jusqu['’]au|antes del(?: día)?|a más tardar el(?: día)?|"
    r"hasta el(?: día)?|entro(?: e non oltre)? il(?: giorno)?|v[oó][oó]r|uiterlijk(?: op)?|niet later dan) ?:? ?"
    r"(?:[a-zéì]{4,9},? )?((\d{1,2}(?:er|º|°)? (?:de )?[a-zéûô]{3,10}\.?|\d{1,2}[./-]\d{1,2}(?!\d))"
    r"((?: de| del)? \d{4}|[./-](?:\d{4}|\d{2}))?)(?![\d,])",
    re.I,
)
_TO_PAY = re.compile(
    r"régl|règl|pa[iy]e|acquitt|vers(?:er|ement)|vir(?:er|ement)|abon(?:ar|en?)\b|pag[aou]|transfer|ingres|liquid|sald|"
    r"versa|bonific|betal|(?:betaald|voldaan) te|te zijn (?:betaald|voldaan)|voldoen|over te maken|overma|"
    r"bedrag[^.]{0,40}ontvangen|ontvangen[^.]{0,20}bedrag",
    re.I,
)
#: What else such a sentence may be about: goods, a day for who pays early, what was paid.
_NOT_TO_PAY = re.compile(
    r"livr|expédi|retour|réclam|valable|rembours|escompte|rabais|\bsi vous\b|été (?:pay|régl)|entreg|envío|válid|"
    r"descuento|devol|\bha sido\b|consegn|spedi|valid[oa]|sconto|\bè stat[oa]\b|lever|bezorg|geldig|korting|klacht|"
    r"\b(?:als|indien) u\b",
    re.I,
)
_SENTENCE = re.compile(r"[.!?;](?=\s)|[\t\f|]|\n(?![a-zà-ÿ])")
#: What a line that asks for money speaks of, and how far around the day, characters.
_PAYING = re.compile(r"zahl|überweis|begleich|fällig|betrag|rechnung|summe", re.I)
_AROUND = 100
#: Most places that are looked at.
_MOST_PLACES = 50


def find_due_date(text: str, own: str | None) -> Field | None:
    """The first day by which money is asked for.

    Args:
        text: of the invoice.
        own: its own date, ISO: a day without a year is the next one from there on. None: such days are left out.
    """
    for match in _places(text):
        value = _day(match[2], match[3]) if match[3] else _next_day(match[2], own) if own else None
        if value is not None:
            reason = "the day by which to pay" + ("" if match[3] else ", in the year of the document's date")
            start, end = match.span(1)
            return Field(
                kind="date", value=value, start=start, end=end, confidence=0.9 if match[3] else 0.8, reason=reason
            )
    return None


def _places(text: str) -> Iterator[re.Match[str]]:
    """The days by which something is asked for that is money, those in German first."""
    for asked, is_to_pay in ((_ASKED, _is_about_paying), (_ASKED_ABROAD, _asks_to_pay)):
        yield from (each for each in itertools.islice(asked.finditer(text), _MOST_PLACES) if is_to_pay(text, each))


def _asks_to_pay(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence of a day is about paying and about nothing else."""
    before = _SENTENCE.split(text[max(match.start() - _AROUND, 0) : match.start()])[-1]
    sentence = before + _SENTENCE.split(text[match.end() : match.end() + _AROUND], maxsplit=1)[0]
    return _TO_PAY.search(sentence) is not None and _NOT_TO_PAY.search(sentence) is None


def _is_about_paying(text: str, match: re.Match[str]) -> bool:
    """Whether its line says so, or, where it goes on with a small letter, the line before."""
    first, last = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
    if first == match.start() and text[first].islower():
        first = text.rfind("\n", 0, max(first - 1, 0)) + 1
    end = match.end() + _AROUND if last < 0 else min(last, match.end() + _AROUND)
    return _PAYING.search(text, max(first, match.start() - _AROUND), end) is not None


def _next_day(day: str, own: str) -> str | None:
    """The first such day that is not before a date."""
    years = (int(own[:4]), int(own[:4]) + 1)
    return next((value for year in years if (value := _day(day, str(year))) is not None and value >= own), None)


def _day(day: str, year: str) -> str | None:
    written, year = day.replace(". ", "."), year.strip("./- ").rpartition(" ")[2]
    if written[-1].isdigit():
        written = re.sub("[/-]", ".", written)
    found = find_dates(f"{written}{'' if written.endswith('.') else '.' if written[-1].isdigit() else ' '}{year}")
    return next((field.value for field in found), None)
