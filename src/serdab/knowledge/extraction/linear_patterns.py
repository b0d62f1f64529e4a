r"""Patterns that people write themselves and that cannot hang a worker: a linear subset of regular expressions.

A pattern is a row of single characters, classes (`[A-Z]`, `\d`, `\w`, `\s`, `.`) and at most one group, each
character or class with `?`, `*`, `+` or `{m,n}`. A repeat takes all it can and gives nothing back, at most
`MOST_REPEATS`; so one place of the text costs at most the length of the pattern written out, and a text as many times
that as it has characters. What would need to go back (nested repeats, `|`, look-around, back references) is refused,
not timed out: a time limit would end the document, too.
"""

from __future__ import annotations

import re

from serdab.core import expected
from serdab.knowledge.errors import BadSchema

#: Most characters of a pattern, and how often one character of it may repeat.
MOST_LENGTH = 200
MOST_REPEATS = 64

_ITEM = re.compile(r"\\[dwsDWSb.+*?()\[\]{}|/^$\\-]|\[\^?(?:\\.|[^\]\\]){1,60}\]|[^\\\[\](){}|?*+^$]|[()^$]")
_REPEAT = re.compile(r"\?|\*|\+|\{(\d{1,3})(,(\d{1,3})?)?\}")


def compile_linear(pattern: str) -> re.Pattern[str]:
    """The pattern, each of its repeats bounded and possessive; letters match in either case.

    Raises:
        BadSchema: it is not of the linear subset.
    """
    if not pattern or len(pattern) > MOST_LENGTH:
        raise _refused(pattern, f"1 to {MOST_LENGTH} characters", str(len(pattern)))
    written: list[str] = []
    place = depth = groups = 0
    while place < len(pattern):
        item = _ITEM.match(pattern, place)
        if item is None:
            raise _refused(pattern, "characters, classes and one group", repr(pattern[place : place + 8]))
        place = item.end()
        repeat = _REPEAT.match(pattern, place)
        if item[0] in "()":
            depth, groups = depth + (1 if item[0] == "(" else -1), groups + (item[0] == "(")
            if repeat is not None or depth not in (0, 1) or groups > 1 or pattern.startswith("?", place):
                raise _refused(pattern, "at most one plain group that does not repeat", repr(pattern))
        written.append(item[0])
        if repeat is not None:
            written.append(_possessive(pattern, repeat))
            place = repeat.end()
    if depth:
        raise _refused(pattern, "a group that is closed", repr(pattern))
    try:
        return re.compile("".join(written), re.I)
    except re.error as error:
        raise _refused(pattern, "a regular expression", str(error)) from error


def _possessive(pattern: str, repeat: re.Match[str]) -> str:
    if repeat[0] == "?":
        return "?+"
    if repeat[0] in "*+":
        return f"{{{int(repeat[0] == '+')},{MOST_REPEATS}}}+"
    least = int(repeat[1])
    most = least if repeat[2] is None else int(repeat[3] or MOST_REPEATS)
    if not least <= most <= MOST_REPEATS:
        raise _refused(pattern, f"at most {MOST_REPEATS} repeats", repeat[0])
    return f"{{{least},{most}}}+"


def _refused(pattern: str, wanted: str, got: str) -> BadSchema:
    return BadSchema(expected(f"the pattern {pattern[:60]!r}", wanted, got, "see docs/how-to/extract-fields.md"))
