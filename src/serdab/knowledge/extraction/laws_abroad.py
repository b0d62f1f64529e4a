"""Under whose law a contract stands, said in German, French, Spanish, Italian or Dutch."""

from __future__ import annotations

import itertools
import re

from serdab.knowledge.extraction.fields import Field

#: How the name of a country, and the word for what is of it, begin in these languages.
_STEMS = {
    "Argentina": "argentin", "Austria": "österreich|autrich|austria|austríac|oostenrijk", "Belgium": "belg|bélgica",
    "Brazil": "brasil|brésil|brazil", "Canada": "canad|kanad", "Chile": "chile|chili|cile",
    "Colombia": "colombi|kolumbi", "Czech Republic": "tschech|tchèque|chec[ao]|ceco|ceca|tsjech",
    "Denmark": "dänisch|dänemark|danois|danemark|dan[eé]s|dinamar|danimarca|deens|denemarken",
    "England": "england|englisch|anglais|angleterre|ingl[eé]s|inglaterra|inghilterra|engels|engeland",
    "Finland": "finn|finland", "France": "franzö|frankreich|fran[cç]|frans|frankrijk",
    "Germany": "deutsch|allemand|allemagne|aleman|alemán|tedesc|germania|duits",
    "Greece": "griech|grec|grieg|griek", "Ireland": "irisch|irland|iers|ierland", "Italy": "itali",
    "Liechtenstein": "liechtenstein", "Luxembourg": "luxemb|lussemb",
    "Mexico": "mexic|mexik|mexiq|méxic|messic|estados unidos mexicanos", "Monaco": "monaco|monégasque",
    "Morocco": "maroc|marok|marrueco|marroqu",
    "Netherlands": "niederl|néerland|pays-bas|neerland|países bajos|oland|paesi bassi|nederland",
    "Norway": "norweg|norvég|norueg|noors|noorwegen", "Peru": "perú|peru", "Poland": "pol[noa]|pools",
    "Portugal": "portug|portog", "Quebec": "qu[eé]b[eé]c", "Spain": "spani|españ|espagn|spagn|spaans|spanje",
    "Sweden": "schwed|suéd|suec|sved|svezia|zweed|zweden", "Switzerland": "schweiz|suiss|suiz|svizzer|zwitser",
    "Tunisia": "tunis|tunes", "Turkey": "türk|turc|turqu|turk",
    "United States": "us-amerikan|états-unis|estados unidos(?! mexicanos)|stati uniti|verenigde staten",
}  # fmt: skip
_NAMES = tuple(_STEMS)
_COUNTRY = "(?:" + "|".join(f"({stems})" for stems in _STEMS.values()) + r")[^\W\d_]{0,12}"
#: What links the law with its country: das Recht der Bundesrepublik, las leyes vigentes en, diritto della Repubblica.
_LINKS = (
    r"(?:(?:der|des|de|la|las|los|del|du|di|della|dello|van|het|en|in|au|aux|dans|vigentes?|vigueur|aplicables?|"
    r"applicables?|federales|interne|province|bundesrepublik|republik|république|república|repubblica|republiek|"
    r"königreichs?|royaume|reino|regno|koninkrijk|confédération|confederación|confederazione|ciudad)\s|d['’]|l['’]){0,7}"
)
#: The country before its law, as Germans and Dutch say it, or behind it.
_LAWS = (
    re.compile(rf"\b{_COUNTRY}\s(?:materielle[nms]?\s)?(?:rechts?|gesetze[ns]?|wetgeving)\b", re.I),
    re.compile(
        rf"\b(?:recht(?!s)|gesetze[ns]?|droit|lois?|législation|ley(?:es)?|legislación|derecho|normativa|legge|leggi|"
        rf"diritto|legislazione|wetten)(?:\s[:]\s|:\s|\s){_LINKS}{_COUNTRY}",
        re.I,
    ),
)  # fmt: skip
_GOVERNED = re.compile(
    r"\bg[ie]lt|an(?:zu)?wend|unterlieg|unterworfen|unterstell|\brégi|soumis|applica[bt]|appliqu|interpr[eé]t|\brege|\bregir|"
    r"\brig[ea]|regid[oa]|sujet[oa]|somet|aplica|conformidad|regolat|disciplinat|soggett|\brett[oa]\b|toepass|toepas|"
    r"beheers|onderworpen|ausgelegt",
    re.I,
)
#: Right before: under whose law somebody was founded, not what holds for the contract.
_FOUNDED = re.compile(
    r"(?:gesellschaft|gegründet|société|constitué|sociedad|constituid|società|costituit|vennootschap|opgericht)\w{0,3}"
    r"[^.;,]{0,50}$",
    re.I,
)
_SENTENCE = re.compile(r"[.;!?](?=\s)|\n\s{0,20}\n|\n(?=§|\W{0,3}\d{1,2}[.)]|art)", re.I)
#: Most places of a law that are looked at.
_MOST_PLACES = 50
#: How far around the law the words that say so may stand, characters.
_AROUND = 200


def find_law_abroad(text: str) -> Field | None:
    """The country whose law holds, where a sentence says so; its name in English."""
    found = [match for law in _LAWS for match in itertools.islice(law.finditer(text), _MOST_PLACES)]
    for match in sorted(found, key=lambda each: each.start()):
        before = _SENTENCE.split(text[max(match.start() - _AROUND, 0) : match.start()])[-1]
        behind = _SENTENCE.split(text[match.end() : match.end() + _AROUND], maxsplit=1)[0]
        if _FOUNDED.search(before) or not (_GOVERNED.search(before) or _GOVERNED.search(match[0] + behind)):
            continue
        return Field(
            kind="jurisdiction", value=_NAMES[(match.lastindex or 1) - 1], start=match.start(), end=match.end(),
            confidence=0.9, reason="the law that governs",
        )  # fmt: skip
    return None
