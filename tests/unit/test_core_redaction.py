"""Passwords and tokens leave every text that is shown, logged or kept."""

from __future__ import annotations

import pickle

import pytest

from serdab.core import BadInput, SerdabError, expected, without_passwords
from serdab.store import hide_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hunter2@db/x is away", "postgresql://me:…@db/x is away"),
        ("postgresql://me:hun/ter2@db/x", "postgresql://me:…@db/x"),
        ("postgresql://me@db/x?password=hunter2&sslmode=require", "postgresql://me@db/x?password=…&sslmode=require"),
        ("https://me:hunter2@hub.example/a/b", "https://me:…@hub.example/a/b"),
        ("https://hunter2@hub.example/a/b", "https://…@hub.example/a/b"),
        ("https://hooks.example/in?access_token=hunter2", "https://hooks.example/in?access_token=…"),
        ("https://hooks.example/in?a=1&sig=hunter2&b=2", "https://hooks.example/in?a=1&sig=…&b=2"),
        ("postal code=12345 and key=b", "postal code=12345 and key=b"),
        ("imaps://reader:hunter2@mail.example/INBOX", "imaps://reader:…@mail.example/INBOX"),
        ("imaps://reader@mail.example/INBOX", "imaps://reader@mail.example/INBOX"),
        ("https://hub.example/@team/model", "https://hub.example/@team/model"),
        ("write to reader@mail.example", "write to reader@mail.example"),
    ],
)
def test_a_text_loses_its_passwords_and_nothing_else(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert hide_password(text) == shown


def test_no_error_holds_the_password_of_a_url() -> None:
    url = "https://me:hunter2@hub.example"
    for error in (
        SerdabError(f"expected {url} to answer, got nothing"),
        BadInput(expected("the URL", "one of a hub", url)),
        BadInput(expected("the URL", "one of a hub", f"https://me:hunter2{'x' * 300}@hub.example")),
    ):
        for each in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
            assert "hunter2" not in f"{each} {each!r} {each.detail}"
            assert "hub.example" in str(each)
