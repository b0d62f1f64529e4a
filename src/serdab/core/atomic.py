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
def atomic_file(path: Path, named_by: str = "the output") -> Iterator[BinaryIO]:
    """A file to write, which takes its place when the block has ended well; a device or a pipe is written as it is.

    Args:
        path: where it is to be.
        named_by: the option that named it, or what else errors call it.

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
        todo = "name one in a folder that exists and is yours to write"
        raise BadInput(expected(named_by, "a file that can be written", f"{path}: {error.strerror}", todo)) from error
    finally:
        if not stays:
            partial.unlink(missing_ok=True)
