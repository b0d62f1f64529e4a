"""Schemas of the house: from YAML and from dataclasses, and what is said about those that are wrong."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from serdab.knowledge import BadSchema, load_schemas, parse_schemas, read_record, schema_of, shipped_schemas
from serdab.knowledge.extraction.linear_patterns import MOST_REPEATS, compile_linear

GOOD = """schema: parking
doc_types: [parking ticket]
fields:
  - name: plate
    kind: id
    required: true
    pattern: '\\b([A-Z]{1,3}-[A-Z]{1,2} ?\\d{1,4})\\b'
  - {name: fee, kind: money, words: {en: [fee]}}
"""


def test_the_package_ships_seven_types() -> None:
    assert {schema.schema for schema in shipped_schemas()} == {
        "bank_statement", "contract", "cv", "email", "invoice", "order", "receipt",
    }  # fmt: skip


def test_a_schema_of_the_house_is_read_beside_those_that_ship(tmp_path: Path) -> None:
    (tmp_path / "parking.yaml").write_text(GOOD, "utf-8")
    schemas = load_schemas(str(tmp_path))
    assert len(schemas) == len(shipped_schemas()) + 1
    record = read_record("Ticket for B-XY 1234\nFee: 4,50 EUR\n", doc_type="parking ticket", schemas=schemas)
    assert record is not None
    assert {value.name: value.value for value in record.values} == {"plate": "B-XY 1234", "fee": "4.50 EUR"}


def test_a_schema_of_the_house_takes_the_place_of_one_that_ships(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("schema: receipt\nfields:\n  - {name: total, kind: money, finder: total}\n", "utf-8")
    own = next(schema for schema in load_schemas(str(file)) if schema.schema == "receipt")
    assert [rule.name for rule in own.fields] == ["total"]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("schema: first\nfields: []\n", "utf-8")
    assert load_schemas(str(file))[0].schema == "first"
    file.write_text("schema: second_one\nfields: []\n", "utf-8")
    assert load_schemas(str(file))[0].schema == "second_one"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema: a\nfields:\n  - {name: x, knd: date}\n", ["own.yaml, line 3", "'knd'", "did you mean kind?"]),
        ("schema: a\nfields:\n  - name: x\n    kind: dat\n", ["own.yaml, line 4", "'dat'", "did you mean date?"]),
        ("schema: a\nfeilds: []\n", ["own.yaml, line 2", "'feilds'", "did you mean fields?"]),
        ("schema: a\nfields:\n  - {name: x, kind: date}\n  - {name: x, kind: id}\n", ["line 4", "a new name"]),
        (
            "schema: a\nfields:\n  - {name: from, kind: date}\nchecks:\n  - {check: order, fields: [form]}\n",
            ["line 5", "'form'", "did you mean from?"],
        ),
        ("schema: a\nfields:\n  - {name: x, kind: id, pattern: '(a+)+b'}\n", ["line 3", "(a+)+b", "group"]),
        ("schema: a\nfields:\n  - {name: x, kind: rows, finder: total}\n", ["line 3", "rows", "'total'", "lines"]),
        ("schema: a\nfields:\n  - {name: x, kind: date, finder: lines}\n", ["line 3", "date", "'lines'"]),
        ("schema: a\nfields:\n  - {name: x, kind: date, finder: zzz}\n", ["known are company, address, total"]),
        (
            "schema: a\nfields:\n  - {name: x, kind: money}\nchecks:\n  - {check: sum, fields: [x]}\n",
            ["line 5", "at least two", "got 1"],
        ),
        (
            "schema: a\nfields:\n  - {name: x, kind: money}\n  - {name: y, kind: money}\nchecks:\n"
            "  - {check: net, fields: [x, y]}\n",
            ["line 6", "total, net and tax", "got 2"],
        ),
        ("schema: [a\n", ["own.yaml, line 2", "YAML"]),
        ("", ["own.yaml", "nothing"]),
        ("[" * 100_000, ["own.yaml", "nested too deep"]),
        ("---\n---\nschema: [a\n", ["own.yaml, line 4", "YAML"]),
        ("!!python/object/apply:os.getcwd []\n", ["own.yaml", "YAML"]),
    ],
)
def test_a_wrong_schema_is_named_with_file_line_and_what_was_meant(text: str, says: list[str]) -> None:
    with pytest.raises(BadSchema) as caught:
        parse_schemas(text, "own.yaml")
    assert all(each in str(caught.value) for each in says), str(caught.value)


def test_a_place_without_schemas_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSchema, match=r"missing\.yaml"):
        load_schemas(str(tmp_path / "missing.yaml"))
    with pytest.raises(BadSchema, match=r"a folder with \.yaml files"):
        load_schemas(str(tmp_path))


@dataclasses.dataclass
class Warranty:
    bought: datetime.date
    price: Decimal | None
    account: str | None = dataclasses.field(default=None, metadata={"kind": "iban"})
    serial: str = dataclasses.field(default="", metadata={"kind": "id", "words": {"en": ["serial"]}, "anywhere": False})


def test_a_dataclass_is_a_schema() -> None:
    text = "Bought on 7 May 2022, serial: ZX-81, IBAN DE89 3704 0044 0532 0130 00"
    record = read_record(text, doc_type="warranty", schemas=[schema_of(Warranty)])
    assert record is not None
    assert {name: record.value(name) for name in ("bought", "account", "serial")} == {
        "bought": "2022-05-07", "account": "DE89370400440532013000", "serial": "ZX-81",
    }  # fmt: skip


def test_what_is_no_dataclass_is_no_schema() -> None:
    with pytest.raises(BadSchema, match="dataclass"):
        schema_of(int)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "a|b", "(?=a)", "(a)(b)", r"(a)\1", "a{1,9999}", "a++", "(a", "a)", "", "[", "*a"]
)
def test_a_pattern_that_may_go_back_is_refused(pattern: str) -> None:
    with pytest.raises(BadSchema):
        compile_linear(pattern)


def test_a_pattern_takes_a_bounded_part_and_gives_nothing_back() -> None:
    assert compile_linear(r"[A-Z]{2}-\d+").search("ref ab-77x").group() == "ab-77"  # type: ignore[union-attr]
    found = compile_linear("x*").match("x" * 1_000)
    assert found is not None
    assert len(found[0]) == MOST_REPEATS
    assert compile_linear(r"\d*5").search("12345") is None
