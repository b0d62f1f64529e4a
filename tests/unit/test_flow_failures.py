"""What is kept of an exception."""

from __future__ import annotations

from serdab.flow import Failure


def test_a_failure_keeps_no_secret_that_a_library_quotes() -> None:
    try:
        raise ConnectionError("no answer of https://me:hunter2@hooks.example/in?token=hunter2")
    except ConnectionError as error:
        failure = Failure.of(error)
    assert (failure.kind, failure.message) == ("ConnectionError", "no answer of https://me:…@hooks.example/in?token=…")
    # The line of code is the user's own and is told as it is written.
    assert "hunter2" not in failure.traceback.splitlines()[-1]
