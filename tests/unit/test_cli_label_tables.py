"""What the tables about labels show."""

from __future__ import annotations

import pytest

from serdab.cli.labels import show_languages
from serdab.knowledge import LanguageScore


@pytest.mark.parametrize("noted", [0.75, None])
def test_what_an_older_version_did_not_note_about_languages_has_no_column(
    noted: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    score = LanguageScore(
        lang="ar", rows=60, accuracy=0.875, low=0.8, high=0.95, accuracy_by_embedding=noted, accuracy_by_grams=noted,
        chosen="both",
    )  # fmt: skip
    show_languages([score])
    told = capsys.readouterr().out
    assert "0.875" in told
    assert told.count("0.750") == (0 if noted is None else 2)
    assert ("by embedding" in told, "by n-grams" in told) == (noted is not None,) * 2
