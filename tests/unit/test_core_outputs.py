"""Files that other programs print into: bounded while they go on printing, without a hole and for their owner alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from serdab.core import open_output, trim, trimming

MB = 1 << 20
PRINTER = """
import sys
for line in sys.stdin:
    sys.stdout.write(line.strip() * 1000 + chr(10))
    sys.stdout.flush()
"""


def test_a_file_within_its_bound_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.out"
    assert not trim(path, 10)
    path.write_bytes(b"0123456789")
    assert not trim(path, 10)
    assert [each.name for each in tmp_path.iterdir()] == ["x.out"]


def test_the_end_of_a_file_that_is_too_large_is_kept_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.out"
    for text in (b"first" * 10, b"0123456789abc"):
        with open_output(path) as file:
            file.write(text)
        assert trim(path, 10)
        assert path.read_bytes() == b""
    assert (tmp_path / "x.out.1").read_bytes() == b"3456789abc"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.out", "x.out.1"]
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


async def test_a_program_that_prints_on_leaves_no_hole(
    tmp_path: Path, eventually: Callable[..., Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serdab.core.outputs.TRIM_EVERY_S", 0.05)
    path = tmp_path / "x.out"
    with open_output(path) as output:
        printer = subprocess.Popen([sys.executable, "-c", PRINTER], stdin=subprocess.PIPE, stdout=output, text=True)
    assert printer.stdin is not None
    async with trimming(5000, lambda: tmp_path.glob("*.out")):
        for round_ in range(3):
            printer.stdin.write("word\n" * 2)
            printer.stdin.flush()
            await eventually(lambda: (tmp_path / "x.out.1").exists() and path.stat().st_size <= 5000)
            (tmp_path / "x.out.1").unlink()
            assert path.stat().st_size <= 5000, round_
        printer.stdin.close()
        assert printer.wait(10) == 0
    assert b"\0" not in path.read_bytes()


def test_what_is_printed_meanwhile_makes_what_is_kept_no_larger(tmp_path: Path) -> None:
    path, kept = tmp_path / "x.out", tmp_path / "x.out.1"
    with open_output(path) as output:
        printer = subprocess.Popen(["head", "-c", str(128 * MB), "/dev/zero"], stdout=output)
    sizes: set[int] = set()
    while printer.poll() is None or not sizes:
        if trim(path, 4 * MB):
            sizes.add(kept.stat().st_size)
    assert sizes == {4 * MB}
