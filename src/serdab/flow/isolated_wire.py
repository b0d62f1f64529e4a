"""What the pool of isolated children and a child say to each other: one frame there, one frame back."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

import msgspec

#: Head of a question: bytes that follow, what is asked, memory limit (0: none), number of the function.
QUESTION = Struct("<QBQI")
#: Head of an answer: bytes that follow, what it is, resident memory of the child in bytes.
ANSWER = Struct("<QBQ")


class Ask(IntEnum):
    """What the pool asks for."""

    #: Import a function; the body is a `Load`. Functions are numbered in the order of success.
    LOAD = 1
    #: Call one; the body is JSON `[args, kwargs]`.
    CALL = 2


class Answer(IntEnum):
    """How a question went."""

    #: The body is the JSON of the result, nothing for `LOAD`.
    DONE = 0
    #: The body is a `Report`.
    FAILED = 1
    #: The memory limit was met; the body is a `Report`.
    OUT_OF_MEMORY = 2


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Which function to import, and from where."""

    #: "package.module:qualname", or "/path/script.py:qualname" for a script.
    place: str
    #: The search path of the parent.
    path: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An exception of the function."""

    kind: str
    message: str
    traceback: str
    retryable: bool
    #: The exception's classes as "module.Name", the most special first.
    kinds: tuple[str, ...]
