"""Files of labels: what is taken, what is left out, what is refused and why."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from serdab.knowledge.errors import BadLabels
from serdab.knowledge.label_files import LabelledText, LeftOut, RefusedRow, find_rows, read_labels
from serdab.knowledge.reading import Source


def _rows(path: Path, key: str | None = None) -> list[LabelledText | RefusedRow | LeftOut]:
    return list(read_labels(path, key))


def _lines(path: Path, *rows: object) -> Path:
    file = path / "labels.jsonl"
    file.write_bytes(b"\n".join(row if isinstance(row, bytes) else msgspec.json.encode(row) for row in rows))
    return file


def test_json_lines_with_a_text_and_a_label_are_taken(tmp_path: Path) -> None:
    file = _lines(tmp_path, {"text": " An\n invoice ", "label": "invoice"}, b"", {"text": "فاتورة", "label": 7})
    first, second = _rows(file)
    assert isinstance(first, LabelledText)
    assert isinstance(second, LabelledText)
    assert (first.row, first.text, first.label, len(first.digest)) == (1, "An invoice", "invoice", 16)
    assert (second.row, second.text, second.label) == (3, "فاتورة", "7")


def test_of_many_labels_the_named_one_is_taken_and_only_the_train_split(tmp_path: Path) -> None:
    labels = {"type": "query", "category": "card", "domain": "bank"}
    file = _lines(
        tmp_path,
        {"text": "a", "labels": labels, "split": "train"},
        {"text": "b", "labels": labels, "split": "test"},
        {"text": "c", "labels": labels},
    )
    assert [getattr(row, "label", None) for row in _rows(file)] == ["card", None, "card"]
    assert [getattr(row, "label", None) for row in _rows(file, "domain")] == ["bank", None, "bank"]
    assert isinstance(_rows(file)[1], LeftOut)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{not json", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[1]", "JSON object"),
        ({"label": "x"}, "expected text to be a text, got None"),
        ({"text": 5, "label": "x"}, "expected text to be a text, got 5"),
        ({"text": "  ", "label": "x"}, "characters, got 0"),
        ({"text": "t"}, "label"),
        ({"text": "t", "label": ""}, "label"),
        ({"text": "t", "label": True}, "label"),
        ({"text": "t", "label": ["a", "b"]}, "label"),
        ({"text": "t", "labels": {"other": "x"}}, "label"),
        ({"text": "t", "label": "x" * 201}, "at most 200"),
        ({"text": "x" * 200_001, "label": "x"}, "200,000"),
        (b'{"text": "\\ud800", "label": "x"}', "JSON"),
    ],
)
def test_a_bad_row_is_refused_by_its_number_and_its_neighbours_stay(tmp_path: Path, row: object, reason: str) -> None:
    good = {"text": "good", "label": "x"}
    before, refused, after = _rows(_lines(tmp_path, good, row, good))
    assert isinstance(refused, RefusedRow)
    assert refused.row == 2
    assert reason in refused.reason
    assert isinstance(before, LabelledText)
    assert isinstance(after, LabelledText)


def test_csv_is_read_with_quotes_and_line_breaks(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text('\ufefftext,label\n"Hello, ""you""\nthere",greeting\nbye,\n', "utf-8")
    first, second = _rows(file)
    assert isinstance(first, LabelledText)
    assert (first.text, first.label, first.row) == ('Hello, "you" there', "greeting", 3)
    assert isinstance(second, RefusedRow)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_csv_is_read_as_spreadsheets_of_other_countries_save_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes('text;label\r\n"Grüße, bis Montag";Gruß\r\n'.encode(encoding))
    (row,) = _rows(file)
    assert isinstance(row, LabelledText)
    assert (row.text, row.label) == ("Grüße, bis Montag", "Gruß")


def test_a_csv_with_other_columns_is_refused_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("words;kind\na;b\n", "utf-8")
    with pytest.raises(BadLabels, match="text and label"):
        _rows(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match="nowhere"):
        _rows(tmp_path / "nowhere.jsonl")


def test_a_cell_that_is_very_long_stops_no_other_row(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)  # As Python starts.
    path = tmp_path / "labels.csv"
    path.write_text(f"text,label\nfirst,a\n{'word ' * 30_000},a\n{'word ' * 50_000},a\nlast,b\n")
    rows = _rows(path)
    assert [type(row) for row in rows] == [LabelledText, LabelledText, RefusedRow, LabelledText]


@pytest.mark.parametrize(("name", "gap"), [("kinds.csv", ","), ("KINDS.CSV", ";"), ("kinds.tsv", "\t")])
def test_the_rows_of_a_sheet_are_documents_whatever_their_split_and_label(tmp_path: Path, name: str, gap: str) -> None:
    file = tmp_path / name
    rows = [
        ("text", "label", "split"),
        ("فاتورة", "invoice", "train"),
        ('"two\nlines"', "mail", "test"),
        ("none", "", ""),
    ]
    file.write_text("\n".join(map(gap.join, rows)), "utf-8")
    found = list(find_rows(file))
    assert all(isinstance(row, Source) for row in found)
    assert [(row.text, row.labels, row.split) for row in found if isinstance(row, Source)] == [
        ("فاتورة", {"label": "invoice"}, "train"),
        ("two\nlines", {"label": "mail"}, "test"),
        ("none", {"label": ""}, ""),
    ]
    assert [row.name.rpartition("#")[2] for row in found] == ["2", "4", "5"]
    assert sum(isinstance(row, LabelledText) for row in _rows(file)) == 1
    with pytest.raises(BadLabels, match=r"the columns text and kind, got .*text.*; begin the file with a line"):
        list(find_rows(file, "kind"))
