"""Schemas from YAML: those that ship, and those of a file or folder of the house."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from serdab.core import expected
from serdab.knowledge.errors import BadSchema
from serdab.knowledge.extraction.linear_patterns import compile_linear
from serdab.knowledge.extraction.schemas import Check, FieldRule, Schema

#: Largest file of schemas, bytes.
MOST_BYTES = 1_000_000


@functools.cache
def shipped_schemas() -> tuple[Schema, ...]:
    """The schemas of the package."""
    folder = resources.files("serdab.knowledge.extraction") / "schemas"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    return tuple(schema for each in files for schema in parse_schemas(each.read_text("utf-8"), each.name))


def load_schemas(place: str) -> tuple[Schema, ...]:
    """The schemas of a file or a folder and, where none of them has the same name, those that ship.

    Args:
        place: a YAML file or a folder of them; empty: only those that ship.

    Raises:
        BadSchema: it cannot be read or used; names file, line and key.
    """
    if not place:
        return shipped_schemas()
    path = Path(place).expanduser()
    try:
        files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
        stamps = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not files:
        raise BadSchema(expected(f"documents.schemas, {path}", "a folder with .yaml files", "none"))
    return _loaded(stamps)


@functools.lru_cache(maxsize=8)
def _loaded(stamps: tuple[tuple[str, int, int], ...]) -> tuple[Schema, ...]:
    own: list[Schema] = []
    for name, _, size in stamps:
        if size > MOST_BYTES:
            raise BadSchema(expected(f"the file {name}", f"at most {MOST_BYTES:,} bytes", f"{size:,}"))
        try:
            own += parse_schemas(Path(name).read_text("utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(Path(name), error) from error
    names = {schema.schema for schema in own}
    return (*own, *(schema for schema in shipped_schemas() if schema.schema not in names))


def _unreadable(path: Path, error: Exception) -> BadSchema:
    what = expected(f"documents.schemas, {path}", "a YAML file or folder that can be read", str(error))
    return BadSchema(what)


def parse_schemas(text: str, name: str) -> list[Schema]:
    """The schemas of a YAML text: one, or several parted by `---`.

    Raises:
        BadSchema: it is not YAML, or not a schema; names the file, the line and the key.
    """
    import yaml

    try:
        pairs = list(_documents(text))
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise BadSchema(expected(f"{name}, line {line}", "YAML", str(getattr(error, "problem", error)))) from error
    except RecursionError as error:
        raise BadSchema(expected(f"the file {name}", "a schema", "YAML that is nested too deep")) from error
    if not pairs:
        raise BadSchema(expected(f"the file {name}", "a schema", "nothing"))
    return [_schema(value, node, name) for value, node in pairs]


def _documents(text: str) -> Iterator[tuple[Any, Any]]:
    """The value and the tree of each document of a YAML text that is not empty."""
    import yaml

    # Not the loader in C: it overflows the stack where this one says that it is nested too deep.
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node)
            if value is not None:
                yield value, node
    finally:
        loader.dispose()


#: The finders of rows.
_OF_ROWS = ("lines", "payments")


def _schema(value: Any, node: Any, name: str) -> Schema:
    try:
        schema = msgspec.convert(value, Schema)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), node, name) from error
    known = [field.name for field in schema.fields]
    for place, rule in enumerate(schema.fields):
        at = f"{name}, line {_line(node, ['fields', place])}"
        if known.index(rule.name) != place:
            raise BadSchema(expected(f"{at}: the field {rule.name}", "a new name", "one that is there already"))
        if (rule.kind == "rows") != (rule.finder in _OF_ROWS):
            todo = f"rows are found by {' or '.join(_OF_ROWS)}, which find nothing else"
            finder = f"{at}: the finder of {rule.name}"
            raise BadSchema(expected(finder, f"one of {rule.kind}", repr(rule.finder), todo))
        if rule.pattern:
            try:
                compile_linear(rule.pattern)
            except BadSchema as error:
                raise BadSchema(f"{at}: {error}") from error
    _prove_checks(schema, node, name)
    return schema


def _prove_checks(schema: Schema, node: Any, name: str) -> None:
    """Refuse checks of fields that are not there, or of a number that says nothing."""
    known = [field.name for field in schema.fields]
    for place, check in enumerate(schema.checks):
        for field in check.fields:
            if field not in known:
                at = f"{name}, line {_line(node, ['checks', place])}: the field {field!r} of the check {check.check}"
                raise BadSchema(expected(at, "a field of the schema", "none", _meant(field, known)))
        at = f"{name}, line {_line(node, ['checks', place])}: the fields of the check {check.check}"
        if check.check == "net" and len(check.fields) != 3:
            raise BadSchema(expected(at, "the three of total, net and tax", len(check.fields)))
        if len(check.fields) < 2:
            raise BadSchema(expected(at, "at least two", len(check.fields)))


def _wrong(message: str, node: Any, name: str) -> BadSchema:
    """What msgspec found, with the line, and what was meant."""
    where = re.search(r"at `\$([^`]*)`", message)
    keys: list[str | int] = [
        int(part[1:-1]) if part.startswith("[") else part.lstrip(".")
        for part in re.findall(r"\[\d+\]|\.\w+", where[1] if where else "")
    ]
    unknown = re.search(r"unknown field `([^`]*)`", message)
    wrong = re.search(r"Invalid enum value '([^']*)'", message)
    at = f"{name}, line {_line(node, [*keys, *([unknown[1]] if unknown else [])])}"
    if unknown is not None:
        struct = Check if "checks" in keys else FieldRule if "fields" in keys else Schema
        known: Sequence[str] = struct.__struct_fields__
        return BadSchema(
            expected(f"{at}: the key {unknown[1]!r}", "one that is known", "another", _meant(unknown[1], known))
        )
    if wrong is not None:
        from serdab.knowledge.extraction.schemas import Finder, Kind

        key = keys[-1] if keys else "a key"
        lists = {"kind": Kind.__args__, "finder": Finder.__args__}  # type: ignore[attr-defined]
        known = lists.get(str(key), ("total", "sum", "order", "net"))
        return BadSchema(expected(f"{at}: {key}", "one that is known", repr(wrong[1]), _meant(wrong[1], known)))
    return BadSchema(expected(at, "a schema", message))


def _line(node: Any, keys: Sequence[str | int]) -> int:
    """The line of what a path of keys leads to, or of the nearest before it."""
    line = int(node.start_mark.line) + 1
    for key in keys:
        children = node.value if isinstance(node.value, list) else []
        if isinstance(key, int):
            if key >= len(children):
                break
            node = children[key]
            line = int(node.start_mark.line) + 1
            continue
        pair = next((each for each in children if isinstance(each, tuple) and each[0].value == key), None)
        if pair is None:
            break
        line, node = int(pair[0].start_mark.line) + 1, pair[1]
    return line


def _meant(given: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(each for each in known if each)}"
