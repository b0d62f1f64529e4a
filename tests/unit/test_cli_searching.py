"""Filters of `serdab search`, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from serdab.cli.searching import _filters
from serdab.core import BadInput


def test_a_place_that_is_there_is_meant_as_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inbox").mkdir()
    monkeypatch.chdir(tmp_path)
    given = ("inbox", "inbox/", "imaps://reader@mail.example.com/", "/gone/inbox")
    read = [_filters(None, None, None, (None, None), source, None).source for source in given]
    assert read == [f"{tmp_path}/inbox", f"{tmp_path}/inbox/", *given[2:]]


def test_a_language_is_two_letters() -> None:
    with pytest.raises(BadInput, match="two letters"):
        _filters(None, None, ["de", "german"], (None, None), "", None)
