"""How long a contract binds, said in German, French, Spanish, Italian, Dutch, Polish or Swedish."""

from __future__ import annotations

import re

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower

_WORDS = (
    ("ein", "eine", "einem", "einer", "un", "une", "uno", "una", "één", "jeden", "ett"),
    ("zwei", "deux", "dos", "due", "twee", "dwa", "dwóch", "två"),
    ("drei", "trois", "tres", "tre", "drie", "trzy", "trzech"),
    ("vier", "quatre", "cuatro", "quattro", "cztery", "czterech", "fyra"),
    ("fünf", "cinq", "cinco", "cinque", "vijf", "pięć", "pięciu", "fem"),
    ("sechs", "six", "seis", "sei", "zes", "sześć"),
    ("sieben", "sept", "siete", "sette", "zeven"), ("acht", "huit", "ocho", "otto"),
    ("neun", "neuf", "nueve", "nove", "negen"),
    ("zehn", "dix", "diez", "dieci", "tien"), ("elf", "onze", "once", "undici"),
    ("zwölf", "douze", "doce", "dodici", "twaalf"),
)  # fmt: skip
NUMBERS = {word: number for number, words in enumerate(_WORDS, 1) for word in words} | {
    "achtzehn": 18, "vierundzwanzig": 24, "sechsunddreißig": 36, "dix-huit": 18, "vingt-quatre": 24, "trente-six": 36,
}  # fmt: skip
_NUMBER = "|".join(sorted(NUMBERS, key=len, reverse=True))
_YEARS = r"jahre?n?|ans?|années?|años?|ann[oi]|jaar|jaren|lat|lata|rok|roku|år"
_MONTHS = r"monate?n?|mois|mes(?:es)?|mes[ei]|maand(?:en)?|miesi[ąę]c\w{0,2}|månader"
_TERM = re.compile(
    r"(?:befristet[ \t\n]auf|laufzeit|vertragsdauer|dauer|durée|duración|vigencia|durata|looptijd|duur|okres|löptid)\b"
    r"(?:[ \t\n](?:beträgt|von|des Vertrages|des Vertrags|über|de|di|van|est|es|è|is|is van|fixée à|déterminée|"
    r"contrat|del|contrato|"
    rf"contratto|på|na)){{0,4}}[ \t\n:]{{1,3}}({_NUMBER}|\d{{1,3}})(?:\s\(\s?\w{{1,12}}\s?\))?\s?(?:({_YEARS})|"
    rf"({_MONTHS}))\b",
    re.I,
)
#: The same before the words.
_FIXED = re.compile(
    rf"\bauf ({_NUMBER}|\d{{1,3}})\s(?:({_YEARS})|({_MONTHS}))\s(?:fest )?(?:befristet|(?:ab)?geschlossen)\b", re.I
)


def find_term_abroad(text: str) -> Field | None:
    """The span of time beside the words for how long a contract runs."""
    match = _TERM.search(text) or _FIXED.search(text)
    if match is None:
        return None
    number = NUMBERS.get(lower(match[1])) or int(match[1])
    unit = "year" if match[2] else "month"
    return Field(
        kind="term", value=f"{number} {unit}{'s' if number != 1 else ''}", start=match.start(1), end=match.end(),
        confidence=0.9, reason="how long it runs",
    )  # fmt: skip
