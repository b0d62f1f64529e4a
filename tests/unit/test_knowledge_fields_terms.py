"""How long a contract binds, told from the other spans of time that it names."""

from __future__ import annotations

import pytest

from serdab.knowledge.extraction.contracts import find_term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("The term of this Agreement shall be two (2) years unless terminated upon written notice.", "2 years"),
        ("The obligations shall remain for a period of 12 months. Notice is given in writing.", "12 months"),
        ("The obligations hold for a period of three years from the date of this Agreement.", "3 years"),
        ("During the term of this Agreement and for two years after its termination he is bound.", None),
        ("They shall have thirty months from the date of the fire to rebuild.", None),
    ],
)
def test_the_term_is_what_its_own_clause_says(text: str, term: str | None) -> None:
    found = find_term(text)
    assert (found.value if found is not None else None) == term
