"""Errors at the command line: one clear block, an exit code, no traceback unless it is asked for."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from serdab.core import BadInput, SerdabError, expected, without_passwords

if TYPE_CHECKING:
    from serdab.store import DiskFull

#: What typer raises for a line that it cannot read: the class above its `BadParameter`, which itself it does not name.
USAGE: Any = typer.BadParameter.__base__
#: How its reasons for a wrong value begin, and before that those that a parser of ours gives.
_REASON, _OWN = "Input should be ", "Value error, "
#: Exit codes: what was given is wrong; anything else that went wrong; it works, but.
BAD_INPUT, FAILED, WARNINGS = 2, 1, 3
#: PostgreSQL's name for it.
DISK_FULL = "53100"
#: What helps against a full disk.
_MAKE_ROOM = "remove something; `serdab doctor` says which disk of the home is full"


def report(error: Exception, *, as_json: bool) -> int:
    """Tell an error on stderr; the exit code.

    Args:
        error: what ended the command.
        as_json: as one JSON object, for a script that asked for JSON.
    """
    if isinstance(error, USAGE):
        if error.ctx and error.format_message() == error.ctx.get_help():
            print(error.format_message(), file=sys.stderr)  # a group without a command
            return BAD_INPUT
        error = usage_error(error)
    code, message = described(error)
    if as_json:
        text = msgspec.json.encode({"error": {"code": code, "message": message}}).decode()
    else:
        what, semicolon, todo = message.partition("; ")
        text = f"error [{code}]: {what}" + (f"\n  → {todo}" if semicolon else "")
    print(text, file=sys.stderr)
    return BAD_INPUT if isinstance(error, BadInput) else FAILED


def described(error: Exception) -> tuple[str, str]:
    """The code of an error and what is told of it."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        error = disk_full(error)
    elif getattr(error, "sqlstate", "") == DISK_FULL:
        error = database_full(error)
    message = without_passwords(str(error) or type(error).__name__)
    if isinstance(error, SerdabError):
        return error.code, message
    return "unexpected", f"{type(error).__name__}: {message}\nThis should not happen; --debug shows where."


def disk_full(error: OSError) -> DiskFull:
    """What a system that has no room left says, in the grammar of the house."""
    from serdab.store import DiskFull

    where = str(error.filename) if error.filename else "what is written"
    return DiskFull(expected(where, "on a disk with room", error.strerror, _MAKE_ROOM))


def database_full(error: Exception) -> DiskFull:
    """The same of what PostgreSQL says."""
    from serdab.store import DiskFull

    return DiskFull(expected("the database", "on a disk with room", str(error).partition("\n")[0], _MAKE_ROOM))


def usage_error(error: Any) -> BadInput:
    """What typer says of a line that it cannot read, in the grammar of the house.

    Args:
        error: a `USAGE`.
    """
    line = error.ctx.command_path if error.ctx else ""
    todo = f"see `{line} --help`" if line else "see `--help` of the command"
    what = f"what follows `{line}`" if line else getattr(error, "option_name", "the line")
    parameter = getattr(error, "param", None)
    if parameter:
        what = typed_name(parameter)
    if hasattr(error, "param_type"):
        return BadInput(f"expected {what} to be given, got nothing; {todo}")
    reasons: Sequence[Mapping[str, Any]] = getattr(error.__cause__, "errors", list)()
    if parameter and reasons:
        to_be = reasons[0]["msg"].removeprefix(_OWN).removeprefix(_REASON).partition(", ")[0]
        return BadInput(expected(what, to_be, reasons[0]["input"], todo))
    return BadInput(f"expected {what} to be as its help says, got: {error.format_message().rstrip('.')}; {todo}")


def typed_name(parameter: Any) -> str:
    """What people know an option or an argument of a command by."""
    is_option = parameter.param_type_name == "option"
    return str(max(parameter.opts, key=len) if is_option else parameter.metavar or parameter.name.upper())
