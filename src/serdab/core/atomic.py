"""Files that a person asked for: there as a whole, or as they were before."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from serdab.core.errors import BadInput, expected


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when the block has ended well; a device or a pipe is written as it is.

    Raises:
        BadInput: it cannot be made there.
    """
    final = Path(os.path.realpath(path))  # What a link leads to is written, and not the link.
    stays = final.exists() and not final.is_file()
    partial = final if stays else final.parent / f".{secrets.token_hex(8)}.part"
    try:
        with partial.open("wb" if stays else "xb") as out:
            yield out
        if not stays:
            os.replace(partial, final)
    except OSError as error:
        if error.filename is None:  # A full disk, or whatever the block does beside writing.
            raise
        raise BadInput(expected("the file to write", "one that can be written", f"{path}: {error.strerror}")) from error
    finally:
        if not stays:
            partial.unlink(missing_ok=True)
