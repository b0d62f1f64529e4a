"""What a run is about, from what it was given."""

from __future__ import annotations

import msgspec
import pytest

from serdab.app.subjects import subject_of
from serdab.knowledge import Document


def test_a_document_is_named_by_its_source() -> None:
    given = msgspec.json.encode([Document(source="/in/Büro.pdf", path="/in/Büro.pdf")])
    assert subject_of(given) == "/in/Büro.pdf"


@pytest.mark.parametrize(
    "given", [b"[]", b'[{"name":"x"}]', b'[["bolt"]]', b'[3,"x"]', b'{"a":1}', b"\x01" + b"\0" * 40]
)
def test_what_names_no_source_is_about_nothing(given: bytes) -> None:
    assert subject_of(given) == ""
