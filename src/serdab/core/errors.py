"""The root of every error that a reader can act on.

SerdabError
├── BadInput            something that was given to us is not what it must be
│   └── BadSetting      … in a setting
└── Unavailable         something we need is not there now; trying again may help

Every part draws its own branch at the top of its `errors.py`. One grammar everywhere:
*expected X to be Y, got Z*, then what to do. The docstring of a class is its default message. No message holds the
password of a URL, wherever it came from.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from serdab.core.redaction import without_passwords

#: Longest part of a wrong value that an error repeats, in characters.
MOST_SHOWN = 200


class SerdabError(Exception):
    """Something went wrong that the reader can act on."""

    #: Stable, unique name of the kind of error, for logs, `--json` and documentation.
    code: ClassVar[str] = "serdab"

    def __init__(self, detail: str = "", **facts: Any) -> None:
        self.detail = without_passwords(detail)
        super().__init__(self.detail)
        self.facts = facts

    def __str__(self) -> str:
        return self.detail or inspect.getdoc(type(self)) or type(self).__name__

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.detail, self.facts)


class BadInput(SerdabError):
    """A value that was given is not what it must be."""

    code = "bad_input"


class BadSetting(BadInput):
    """A setting is unknown or has a value that it cannot have."""

    code = "bad_setting"


class Unavailable(SerdabError):
    """Something that is needed is not there now; trying again later may help."""

    code = "unavailable"


def expected(what: str, to_be: str, got: object, todo: str = "") -> str:
    """Say one mistake in the grammar of the house: *expected X to be Y, got Z; do W*."""
    shown = without_passwords(repr(got))
    if len(shown) > MOST_SHOWN:
        shown = f"{shown[:MOST_SHOWN]}… ({len(shown):,} characters)"
    return f"expected {what} to be {to_be}, got {shown}" + (f"; {todo}" if todo else "")


def _rebuild(kind: type[SerdabError], detail: str, facts: dict[str, Any]) -> SerdabError:
    error = kind.__new__(kind)
    SerdabError.__init__(error, detail, **facts)
    return error
