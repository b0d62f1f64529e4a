"""Parties that a contract lists by their role: 甲方：…, 乙方：…; Verkäufer: …, Käufer: …."""

from __future__ import annotations

import re

from serdab.knowledge.extraction.fields import Field

#: "Party one" to "party four", what each is in brackets, a colon, then a name up to a sign, a role or another label.
_LISTED = re.compile(
    r"([甲乙丙丁]方) ?(?:[（(][^（）()\n]{1,20}[）)] ?)?[：:] ?(?![甲乙丙丁]方)"
    r"(?=[^\W\d_])([^\n\f\t，,；;。：:（）()_]{2,60}?)(?=[\n\f\t，,；;。（(]| ?[甲乙丙丁]方| [^\s：:]{1,10}[：:]|$)"
)
#: What a party to a contract on the Continent is, alone before a colon at the head of a line, and its name.
_ROLE = re.compile(
    r"^[ \t]{0,8}((?:verkäufer|käufer|(?:ver)?mieter|(?:ver)?pächter|auftraggeber|auftragnehmer|arbeitgeber|"
    r"arbeitnehmer|darlehens(?:geber|nehmer))(?:in)?|vendeur|acheteur|acquéreur|bailleur|preneur|locataire|employeur|salariée?|"
    r"vendedora?|compradora?|arrendadora?|arrendatari[oa]|locatore|conduttore|venditore|acquirente|"
    r"verkoper|koper|(?:ver)?huurder) ?:[ \t]{0,4}(?:(?:herrn?|frau|firma|m\.|mme|don|doña) )?"
    r"([^\W\d_][^\n\f\t,;:()]{2,79})",
    re.I | re.M,
)
#: Places that are looked at: roles stand in every clause, but seldom before a colon.
_MOST_PLACES = 200
#: How far into a contract roles are listed, characters.
_HEAD = 6_000


def find_role_parties(text: str) -> list[Field]:
    """The first name of each role, in the order of the text; of roles that have words one name is none."""
    listed = _first_of_each(_LISTED, text)
    return listed or (named if len(named := _first_of_each(_ROLE, text[:_HEAD])) > 1 else [])


def _first_of_each(pattern: re.Pattern[str], text: str) -> list[Field]:
    found: dict[str, Field] = {}
    for count, match in enumerate(pattern.finditer(text)):
        if count >= _MOST_PLACES:
            break
        name = match[2].rstrip()
        field = Field(
            kind="party", value=name, start=match.start(2), end=match.start(2) + len(name), confidence=0.93,
            reason=f"behind {match[1]}",
        )  # fmt: skip
        found.setdefault(match[1].lower(), field)
    return list(found.values())
