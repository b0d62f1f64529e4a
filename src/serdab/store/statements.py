"""Named, described SQL statements, kept in `.sql` files beside the part that uses them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from importlib import resources

from serdab.core import BadInput, expected

_NAME = re.compile(r"^-- name: *(\S+) *$", re.MULTILINE)


class Statements(Mapping[str, str]):
    """The statements of one file by name."""

    def __init__(self, place: str, text: str) -> None:
        self._place = place
        parts = _NAME.split(text)
        self._by_name = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}

    def __getitem__(self, name: str) -> str:
        try:
            return self._by_name[name]
        except KeyError:
            raise BadInput(expected("statement", f"one of {sorted(self._by_name)} in {self._place}", name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


@functools.cache
def load_statements(package: str, file: str = "queries.sql") -> Statements:
    """The statements of a part: `-- name: x`, a comment that says what it does, then SQL."""
    text = (resources.files(package) / file).read_text("utf-8")
    return Statements(f"{package}/{file}", text)
