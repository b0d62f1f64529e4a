"""The end of a long array of strings, found without reading it.

The strings of a tokenizer are megabytes, stand before the tensors, and have no index. But each begins with its length
in eight bytes, most of them zero, so a look into the middle tells whether it falls into such strings: a chain of
lengths fits only then. Looks further and further on, then by halves, close in on the place where the chain breaks.
"""

from __future__ import annotations

import re
import struct

from serdab.models.headers.stores import Reading, Span

#: Bytes of one look.
LOOK = 8_192
#: Bytes that are read in one go once the end is as near as this.
NEAR = 24_576
#: Longest string of a tokenizer.
_MOST_TOKEN = 2_048
#: Strings that must follow each other before a look is believed.
_LEAST_CHAIN = 12
_MOST_LOOKS = 64
_NAME = re.compile(rb"[A-Za-z0-9_.\-/]{1,256}")
_LENGTH = struct.Struct("<Q")


def walk(data: bytes, place: int, most: int) -> tuple[int, int]:
    """Go over strings that are whole in `data`: the place after the last one, and how many there were."""
    walked = 0
    end = len(data)
    while walked < most and place + 8 <= end:
        following = place + 8 + _LENGTH.unpack_from(data, place)[0]
        if following > end:
            break
        place = following
        walked += 1
    return place, walked


def jump(at: int, left: int, limit: int) -> Reading[int | None]:
    """The place after an array of strings.

    Args:
        at: where one of its strings begins.
        left: how many there are from here.
        limit: end of the file, or of what may be the head.

    Returns:
        Where the next key or tensor begins, perhaps after other arrays of strings; None when it was not found.
    """
    inside, outside = at, limit
    step = max(left * 9, 2 * LOOK)
    for _ in range(_MOST_LOOKS):
        if outside - inside <= NEAR:
            break
        place = min(inside + step, (inside + outside) // 2)
        data = yield Span(place, min(LOOK, limit - place))
        begins = chain_begins(data)
        if begins is None:
            outside = place
            step = max((outside - inside) // 2, 1)
        else:
            inside = place + begins
            step = max(step, LOOK) if outside == limit else max((outside - inside) // 2, 1)
    else:
        return None
    data = yield Span(inside, min(outside - inside + LOOK, limit - inside))
    last = chain_breaks(data)
    return None if last is None else inside + last


def chain_begins(data: bytes) -> int | None:
    """Where in a look a chain of strings begins that goes on to its end; None: it falls outside of strings."""
    for begin in range(min(_MOST_TOKEN + 8, max(len(data) - 8, 0))):
        if data[begin + 2 : begin + 8] == bytes(6) and _chain(data, begin) is not None:
            return begin
    return None


def chain_breaks(data: bytes) -> int | None:
    """Where the name after a chain begins: the last string that fits is already that name."""
    place, before = 0, None
    while place + 8 <= len(data):
        length = _LENGTH.unpack_from(data, place)[0]
        if length > _MOST_TOKEN:
            return before if before is not None and _NAME.fullmatch(data[before + 8 : place]) else None
        before, place = place, place + 8 + length
    return None


def _chain(data: bytes, place: int) -> int | None:
    """How many strings follow each other up to the end of `data`; None when the chain breaks or is too short."""
    strings = filled = 0
    while place + 8 <= len(data):
        length = _LENGTH.unpack_from(data, place)[0]
        if length > _MOST_TOKEN:
            return None
        strings += 1
        filled += length > 0
        place += 8 + length
    return strings if strings >= _LEAST_CHAIN and 2 * filled > strings else None
