"""Paths as texts: what a run is given and a database keeps is UTF-8, while the name of a file is any bytes."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

#: Front of a path whose name is no UTF-8 (RFC 8089); an absolute path never begins so.
_URI = "file://"


def shown_path(path: Path) -> str:
    r"""A path for people: bytes of an old code page stand as `\xef`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def path_to_text(path: Path) -> str:
    """An absolute path as a text that `path_from_text` leads back to it: as it is, or as a URI."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return path.as_uri()
    return text


def path_from_text(text: str) -> Path:
    """The path that `path_to_text` wrote."""
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))) if text.startswith(_URI) else text)
