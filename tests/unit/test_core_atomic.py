"""Files that a person asked for are whole, or as they were."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from serdab.core import BadInput, atomic_file


def test_a_file_is_replaced_at_the_end_and_stays_when_that_goes_wrong(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def fail() -> None:
        with atomic_file(path) as out:
            out.write(b"half")
            raise ConnectionError("the database is away")

    with pytest.raises(ConnectionError, match="the database"):
        fail()
    assert path.read_text() == "before"
    with atomic_file(path) as out:
        out.write(b"after")
        assert path.read_text() == "before"
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("out.csv", "after")]


def test_a_full_disk_is_told_as_one() -> None:
    with pytest.raises(OSError, match="No space left"), atomic_file(Path("/dev/full")) as out:
        out.write(b"x" * 100_000)


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("real")
    os.mkfifo(pipe)
    heard: list[bytes] = []
    listener = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    listener.start()
    for path in (link, pipe):
        with atomic_file(path) as out:
            out.write(b"said")
    listener.join(10)
    assert heard == [b"said"]
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "said"


@pytest.mark.parametrize("name", ["nowhere/out", "."])
def test_a_place_where_no_file_can_be_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="can be written"), atomic_file(tmp_path / name):
        pass
