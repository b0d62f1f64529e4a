"""Errors at the command line: one clear block, an exit code, no traceback unless it is asked for."""

from __future__ import annotations

import sys

import msgspec

from serdab.core import BadInput, SerdabError, without_passwords

#: Exit codes: what was given is wrong; anything else that went wrong; it works, but.
BAD_INPUT, FAILED, WARNINGS = 2, 1, 3


def report(error: Exception, *, as_json: bool) -> int:
    """Tell an error on stderr; the exit code.

    Args:
        error: what ended the command.
        as_json: as one JSON object, for a script that asked for JSON.
    """
    code = error.code if isinstance(error, SerdabError) else "unexpected"
    message = without_passwords(str(error) or type(error).__name__)
    if not isinstance(error, SerdabError):
        message = f"{type(error).__name__}: {message}\nThis should not happen; --debug shows where."
    if as_json:
        text = msgspec.json.encode({"error": {"code": code, "message": message}}).decode()
    else:
        what, semicolon, todo = message.partition("; ")
        text = f"error [{code}]: {what}" + (f"\n  → {todo}" if semicolon else "")
    print(text, file=sys.stderr)
    return BAD_INPUT if isinstance(error, BadInput) else FAILED
