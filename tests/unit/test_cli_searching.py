"""Filters of `serdab search`, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from serdab.cli.searching import _advice, _filters
from serdab.core import BadInput


def test_a_place_that_is_there_is_meant_as_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inbox").mkdir()
    monkeypatch.chdir(tmp_path)
    given = ("inbox", "inbox/", "imaps://reader@mail.example.com/", "/gone/inbox")
    read = [_filters(None, None, None, (None, None), source, None).source for source in given]
    assert read == [f"{tmp_path}/inbox", f"{tmp_path}/inbox/", *given[2:]]


def test_a_language_is_two_letters_or_as_a_document_was_brought() -> None:
    assert _filters(None, None, ["de", "ar-EG", "zh-Hant"], (None, None), "", None).langs == ["de", "ar-EG", "zh-Hant"]
    with pytest.raises(BadInput, match="two letters"):
        _filters(None, None, ["de", "german"], (None, None), "", None)


@pytest.mark.parametrize(
    ("where", "known", "told"),
    [
        (["totl>=1"], ["company", "date", "total"], "no document has the field totl; did you mean total?"),
        (["TOTAL>=1"], ["company", "total"], "no document has the field TOTAL; did you mean total?"),
        (
            ["total>=1", "kennzeichen=x"],
            ["date", "total"],
            "no document has the field kennzeichen; documents have date, total",
        ),
        (["total>=1"], ["date", "total"], "try fewer filters"),
        (["total>=1"], [], "try fewer filters"),
    ],
)
def test_who_finds_nothing_by_a_field_that_no_document_has_is_told_the_nearest(
    where: list[str], known: list[str], told: str
) -> None:
    assert _advice(_filters(None, None, None, (None, None), "", where), {"field": known}) == told


def test_who_finds_nothing_by_a_label_a_language_or_a_type_that_no_document_has_is_told_the_nearest() -> None:
    known = {"label": ["bill", "complaint"], "language": ["ar", "de"], "type": ["invoice", "receipt"]}
    told = _advice(_filters(None, ["bil"], None, (None, None), "", None), known)
    assert told == "no document has the label bil; did you mean bill?"
    told = _advice(_filters(None, ["bill"], ["fr"], (None, None), "", None), known)
    assert told == "no document has the language fr; documents have ar, de"
    told = _advice(_filters(["invoce", "receipt"], None, None, (None, None), "", None), known)
    assert told == "no document has the type invoce; did you mean invoice?"
    many = {"label": [f"kind {number}" for number in range(30)]}
    assert _advice(_filters(None, ["zzz"], None, (None, None), "", None), many).endswith("kind 19 …")
