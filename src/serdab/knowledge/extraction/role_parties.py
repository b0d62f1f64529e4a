"""Parties that a contract lists by their role, as Chinese ones do: 甲方：…, 乙方：…."""

from __future__ import annotations

import re

from serdab.knowledge.extraction.fields import Field

#: "Party one" to "party four", what each is in brackets, a colon, then a name up to a sign, a role or another label.
_LISTED = re.compile(
    r"([甲乙丙丁]方) ?(?:[（(][^（）()\n]{1,20}[）)] ?)?[：:] ?(?![甲乙丙丁]方)"
    r"(?=[^\W\d_])([^\n\f\t，,；;。：:（）()_]{2,60}?)(?=[\n\f\t，,；;。（(]| ?[甲乙丙丁]方| [^\s：:]{1,10}[：:]|$)"
)
#: Places that are looked at: roles stand in every clause, but seldom before a colon.
_MOST_PLACES = 200


def find_role_parties(text: str) -> list[Field]:
    """The first name of each role, in the order of the text."""
    found: dict[str, Field] = {}
    for count, match in enumerate(_LISTED.finditer(text)):
        if count >= _MOST_PLACES:
            break
        name = match[2].rstrip()
        field = Field(
            kind="party", value=name, start=match.start(2), end=match.start(2) + len(name), confidence=0.93,
            reason=f"behind {match[1]}",
        )  # fmt: skip
        found.setdefault(match[1], field)
    return list(found.values())
