"""What a contract says of itself: since when it holds, for how long, under whose law."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.laws_abroad import find_law_abroad
from serdab.knowledge.extraction.lettercase import lower
from serdab.knowledge.extraction.terms_abroad import find_term_abroad

#: How far into a contract its date is looked for, characters: it stands at the head, or at the signatures.
HEAD = 4_000
TAIL = 5_000

_LAW = re.compile(
    r"\b(?:law|laws|statutes)\s{1,2}(?:and decisions )?(?:of|in|for)\s{1,2}(?:and in )?(?:the\s{1,2})?"
    r"(?:(?:State|state|STATE|Commonwealth|COMMONWEALTH|Province|Republic|Kingdom)\s{1,2}(?:of|OF)\s{1,2})?"
    r"([A-Z][A-Za-z]{2,20}(?:\s(?:[A-Z][a-z]{2,20}|[A-Z]{3,20}|and\s[A-Z][a-z]{2,20})){0,2})"
)
_OWN_LAW = re.compile(r"\b([A-Z][a-z]{2,15}(?:\s[A-Z][a-z]{2,15})?)\s(?:state\s)?(?:law|laws)\b")
_GOVERNED = re.compile(r"(?:govern|constru|interpret|enforc)", re.I)
_NO_PLACES = frozenset(
    ["the", "any", "such", "united", "federal", "country", "governing", "applicable", "company", "agreement", "state",
     "states", "this", "common", "copyright", "securities", "patent", "employment", "choice", "conflict", "court"]
)  # fmt: skip
_COURTS = re.compile(
    r"\bcourts?\s{1,2}(?:of|in|located in|sitting in)\s{1,2}(?:the\s{1,2})?(?:(?:State|Commonwealth)\s{1,2}of\s{1,2})?"
    r"([A-Z][a-z]{2,15}(?:\s[A-Z][a-z]{2,15})?)"
)


def find_jurisdiction(text: str) -> Field | None:
    """Whose law governs: the place behind "laws of the State of", surest in a sentence that says so."""
    best: Field | None = None
    for confidence, pattern, reason in (
        (0.95, _LAW, "the law that governs"), (0.7, _OWN_LAW, "its law is named"), (0.5, _COURTS, "its courts decide"),
    ):  # fmt: skip
        for match in pattern.finditer(text):
            name = _place(match[1])
            if not name:
                continue
            said = _GOVERNED.search(text, max(match.start() - 220, 0), min(match.end() + 120, len(text))) is not None
            sure = confidence if said else confidence - 0.25
            if best is None or sure > best.confidence:
                start = match.start(1)
                best = Field(
                    kind="jurisdiction", value=name, start=start, end=start + len(match[1]), confidence=sure,
                    reason=reason,
                )  # fmt: skip
    return best if best is not None and best.confidence >= _SURE_LAW else find_law_abroad(text) or best


#: Confidence of a law that a sentence says to govern.
_SURE_LAW = 0.7


def _place(written: str) -> str:
    words = written.split()
    while words and words[-1].lower() in {"and", "without", "applicable", "as"}:
        words.pop()
    if not words or words[0].lower() in _NO_PLACES:
        return ""
    return " ".join(word.capitalize() if word.isupper() else word for word in words)


_DATED = re.compile(
    r"(?:dated|effective|made|entered into|executed|is being entered|agreement|as of|effective date|date)"
    r"[^.;]{0,80}$",
    re.I,
)
_SURE_DATED = re.compile(
    r"(?:dated|effective|made|entered|executed|agreement|between|amended|parties)[^;]{0,120}"
    r"(?:as of|this|dated|effective|on|the|date:?|of)[\s(“\"]{0,4}$",
    re.I,
)
#: In German, French, Spanish, Italian, Dutch, Polish and Swedish: from when on it holds.
_IN_FORCE = re.compile(
    r"(?:tritt (?:am|zum|ab|mit wirkung vom)|vertragsbeginn(?: ist)?(?: der)?|beginnt am|mit wirkung (?:vom|zum)|"
    r"à compter du|"
    r"prend effet le|en vigueur le|vigor (?:el|a partir del)|desde el|decorre dal|decorrere dal|met ingang van|"
    r"gaat in op|"
    r"z dniem|od dnia|från och med)[\s:]{1,3}(?:dem )?$",
    re.I,
)
#: The place that stands before a date: En Sevilla, a 3 de abril; Berlin, den 3. Mai.
_PLACED = re.compile(r"[A-ZÀ-Ý][\w. -]{1,30}, (?:a|den|le|lì|dnia) $")
_OTHER = re.compile(
    r"(?:merger agreement|plan of merger|(?<!this )employment agreement(?! {1,3}this)|act of|amended on|filed|"
    r"expires?|terminat|until|"
    r"born|purchase agreement|previously|letter (?:agreement )?dated|prior|original)[^.;]{0,60}$",
    re.I,
)  # fmt: skip


def find_effective_date(text: str) -> Field | None:
    """Since when a contract holds: the date it calls its own, else that of the letter, else of the signatures."""
    head = text[:HEAD].replace("\n", " ")
    dates = sorted(find_dates(head), key=lambda field: field.start)
    best: tuple[float, Field] | None = None
    for date in dates:
        before = head[max(date.start - 160, 0) : date.start]
        if _OTHER.search(before[-90:]):
            continue
        sure = _how_sure(text, date, before)
        sure -= 0.1 * (date.start > 2_000)
        if best is None or sure > best[0]:
            best = sure, date
    if best is not None and best[0] >= 0.6:
        return _as(best[1], "effective_date", best[0], "the date that the contract bears")
    return _signed(text) if not _LEFT_OPEN.search(head) else None


_LEFT_OPEN = re.compile(
    r"(?:as of|on|this|dated|effective)\s{1,2}(?:the\s{1,2}|this\s{1,2})?"
    r"(?:[_\W]{0,30}day of|[_.]{2,}|\[|,\s{0,2}\d{4}|[A-Z][a-z]+\s{0,2}[_]{1,})|day of\s{0,3}[_,\[]|"
    r"_{3,}\s{0,2}(?:19|20)",
    re.I,
)  # fmt: skip


def _how_sure(text: str, date: Field, before: str) -> float:
    """How surely a date is that of the contract, by the words before it."""
    if _IN_FORCE.search(before):
        return 0.92
    if _SURE_DATED.search(before):
        return 0.9
    if _stands_alone(text, date):
        return 0.8
    return 0.7 if _PLACED.search(before) else 0.4


def _stands_alone(text: str, date: Field) -> bool:
    """Whether the line of a date holds little else: the date of a letter."""
    start, end = text.rfind("\n", 0, date.start) + 1, text.find("\n", date.end)
    line = text[start : end if end >= 0 else len(text)]
    return len(line) - (date.end - date.start) <= 12 and date.start < 1_500


_SIGNED = re.compile(r"(?:\bdated?\b|\bdate signed\b|effective|this|on)[\s:.,]{0,6}(?:as of |this |the )?$", re.I)


def _signed(text: str) -> Field | None:
    start = max(len(text) - TAIL, 0)
    tail = text[start:].replace("\n", " ")
    for date in sorted(find_dates(tail), key=lambda field: field.start):
        if _SIGNED.search(tail[max(date.start - 30, 0) : date.start]):
            moved = Field(
                kind="date", value=date.value, start=date.start + start, end=date.end + start, confidence=0.6,
                reason="",
            )  # fmt: skip
            return _as(moved, "effective_date", 0.6, "the date of the signatures")
    return None


_COUNTS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
NUMBERS = {word: number for number, word in enumerate(_COUNTS, 1)} | {
    "twenty-four": 24, "thirty": 30, "thirty-six": 36, "sixty": 60, "ninety": 90, "forty-eight": 48,
}  # fmt: skip
_NUMBER_WORDS = "|".join(sorted(NUMBERS, key=len, reverse=True))
_DURATION = re.compile(
    rf"(?<![\w-])({_NUMBER_WORDS}|\d{{1,3}})\s?(?:\(\s?(\d{{1,3}})\s?\)?\s?\)?)?[\s-]{{0,2}}(full\s)?"
    r"(year|month|day|week)s?[’']?(?!\w)", re.I,
)  # fmt: skip
_UNTIL = re.compile(
    r"(?:terminat|expire|in (?:full )?(?:force and )?effect|continue|remain|surviv|cease|lapse|term of|end on|"
    r"end )", re.I
)  # fmt: skip
_OURS = re.compile(
    r"(?:agreement|obligation|covenant|confidential|hereunder|herein|undertaking|evaluation material)", re.I
)
_NOT_TERM = re.compile(
    r"(?:solicit|employ|hire|standstill|stand-still|compet|prior|preceding|notice|renew|purchase|vesting|salary|"
    r"benefit|interest|anniversary of employment|severance|acquire)", re.I,
)  # fmt: skip
_TERM_IS = re.compile(
    r"(?:\bterm\b[^.;]{0,60}\bshall be|(?<!\w )\bterm of this \w{2,20} (?:shall be|is)|\bcontinues? for a period of|"
    r"agreement (?:shall|will)(?: automatically)? (?:terminat|expire|continue|remain))"
    r"[^.;]{0,70}$",
    re.I,
)
#: A span that begins where something else ends says how long that goes on, not how long the contract binds.
_FROM_AN_END = re.compile(r"[^.;,]{0,50}?\b(?:terminat|cessation|ceases?\b|employment|relationship)", re.I)
_OWN_DATE = re.compile(
    r"^[^.;,]{0,50}(?:date hereof|effective date|date (?:of|first)\b[^.;,]{0,12}(?:this|above))", re.I
)
#: What follows is another sentence, or says when it may be otherwise.
_CLAUSE_ENDS = re.compile(r"[.;](?=\s)|\b(?:unless|provided)\b", re.I)
_ANCHOR = re.compile(
    r"^[^.;]{0,25}(?:from|after|following|anniversary|of)\s{1,2}(?:and after\s)?(?:the\s{1,2})?(?:(?:date|"
    r"effective|execution|"
    r"last|first|hereof|its)|this agreement)",
    re.I,
)


def find_durations(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Every span of time in words or digits, as "2 years"."""
    for match in _DURATION.finditer(text):
        number = int(match[2]) if match[2] else NUMBERS.get(lower(match[1])) or int(match[1])
        unit = lower(match[4])
        yield match, f"{number} {unit}{'s' if number != 1 else ''}"


def find_term(text: str) -> Field | None:
    """How long a contract binds: the duration in a sentence that says when it, or what it asks for, ends."""
    best: tuple[float, Field] | None = None
    for match, value in find_durations(text):
        if match[4].lower() in {"day", "week"}:
            continue
        score = _term_score(text, match)
        if best is None or score > best[0]:
            sure = max(min(0.3 + score / 10, 0.95), 0.05)
            best = score, Field(
                kind="term", value=value, start=match.start(), end=match.end(), confidence=sure,
                reason="a duration where the contract says when it ends",
            )  # fmt: skip
    return best[1] if best is not None and best[0] >= LEAST_TERM else find_term_abroad(text)


#: Score of a duration from which on it is told as the term.
LEAST_TERM = 5.0


def _term_score(text: str, match: re.Match[str]) -> float:
    start = max(text.rfind(". ", max(match.start() - 400, 0), match.start()) + 1, match.start() - 400, 0)
    before, after = text[start : match.start()], text[match.end() : match.end() + 120]
    after = _CLAUSE_ENDS.split(after, maxsplit=1)[0]
    near = before[-160:]
    score = 0.0
    score += 3.0 if _UNTIL.search(near) else 0.0
    is_from_an_end = _FROM_AN_END.match(after) is not None
    score += 1.5 if _UNTIL.search(after[:60]) and not is_from_an_end else 0.0
    score += 1.5 if _OURS.search(near) else 0.0
    score += 1.5 if _ANCHOR.search(after) else 0.0
    score += 1.5 if _OWN_DATE.search(after) else 0.0
    score += 1.0 if re.search(r"this\s(?:letter\s)?agreement|obligations", near, re.I) else 0.0
    score += 2.0 if _TERM_IS.search(near) else 0.0
    score -= 2.5 if is_from_an_end else 0.0
    score -= 3.0 if _NOT_TERM.search(near[-110:]) or _NOT_TERM.search(after[:50]) else 0.0
    return score


def _as(found: Field, kind: str, confidence: float, reason: str) -> Field:
    return Field(kind=kind, value=found.value, start=found.start, end=found.end, confidence=confidence, reason=reason)
