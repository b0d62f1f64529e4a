"""The worked example of the page about fields does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from serdab.knowledge import load_schemas, read_record

PAGE = (Path(__file__).parent.parent.parent / "docs" / "how-to" / "extract-fields.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_schema_of_the_page_reads_the_text_of_the_page(tmp_path: Path) -> None:
    file = tmp_path / "parking.yaml"
    file.write_text(block("yaml"), "utf-8")
    record = read_record(block("text"), schemas=load_schemas(str(file)))
    assert record is not None
    assert record.schema == "parking"
    assert {value.name: value.value for value in record.values} == {
        "plate": "HH-KL 42", "entered": "2024-05-03", "left": "2024-05-01", "fee": "12.50 EUR",
    }  # fmt: skip
    assert all(value.value in PAGE for value in record.values)
    assert [(look.field, "before entered" in look.reason) for look in record.looks] == [("left", True)]


def test_the_dataclass_of_the_page_is_a_schema() -> None:
    exec(compile(block("python"), "extract-fields.md", "exec", dont_inherit=True), {"__name__": "page"})  # noqa: S102 - that it runs is the test
