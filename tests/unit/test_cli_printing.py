"""What a person sees of texts that somebody else wrote."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from serdab.cli.printing import certainty, console, counted, file_name, file_names, print_table, say

HOSTILE = "a\x1b[2Jb\x07c\x9bd\u202egnp.exe\u2069"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/in/letter.pdf", "letter.pdf"),
        ("letter.pdf", "letter.pdf"),
        ("/in/papers.zip#Büro/a.pdf", "papers.zip#Büro/a.pdf"),
        ("/in/Papers.ZIP#inner.zip#b/c.txt", "Papers.ZIP#inner.zip#b/c.txt"),
        ("/in/desk.jsonl#2026/7", "desk.jsonl#2026/7"),
        ("/in/no #1/a.pdf", "a.pdf"),
        ("/in/two\nlines.txt", "two\\nlines.txt"),
        ("", ""),
    ],
)
def test_a_document_is_called_by_its_file_and_by_the_archive_that_holds_it(source: str, name: str) -> None:
    assert file_name(source) == name


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["/in/a/bill.pdf", "/in/b/bill.pdf", "/in/b/note.txt"], ["a/bill.pdf", "b/bill.pdf", "note.txt"]),
        (["/in/a/2026/bill.pdf", "/in/b/2026/bill.pdf"], ["a/2026/bill.pdf", "b/2026/bill.pdf"]),
        (["/bill.pdf", "/in/bill.pdf", "bill.pdf"], ["/bill.pdf", "in/bill.pdf", "bill.pdf"]),
        (["/a/papers.zip#x/1.txt", "/b/papers.zip#x/1.txt"], ["a/papers.zip#x/1.txt", "b/papers.zip#x/1.txt"]),
        (["/in/bill.pdf", "/in/bill.pdf"], ["bill.pdf", "bill.pdf"]),
    ],
)
def test_files_of_one_name_are_told_apart_by_their_folders(sources: list[str], names: list[str]) -> None:
    told = file_names(sources)
    assert [told[source] for source in sources] == names


def test_one_of_something_is_not_several() -> None:
    assert [counted(number, "price") for number in (0, 1, 1200)] == ["0 prices", "1 price", "1,200 prices"]


def test_no_text_does_anything_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.cache_clear()
    print_table(("name",), [(HOSTILE,)])
    say(HOSTILE)
    console.cache_clear()
    out, err = capsys.readouterr()
    seen = r"a\x1b[2Jb\x07c\x9bd\u202egnp.exe\u2069"
    assert seen in out
    assert err == seen + "\n"


def test_a_doubtful_kind_has_a_question_mark_and_the_digits_stay_below_each_other() -> None:
    assert (certainty(0.5, True), certainty(0.97, False)) == ("0.50 ?", "0.97  ")


@pytest.mark.parametrize(
    ("width", "left_out"), [(40, {"queue", "took"}), (70, {"queue", "took"}), (80, {"queue"}), (200, set[str]())]
)
def test_what_a_row_is_about_stays_where_a_terminal_is_narrow(
    width: int, left_out: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = "01a202a5-1699-7e84-98ba-4bbc2bde8efd"
    console.cache_clear()
    monkeypatch.setattr("serdab.cli.printing.WIDTH_UNWATCHED", width)
    print_table(
        ("run", "state", "queue?", ">took?", "error~"), [(run, "failed", "documents", "9.4 s", "MalformedDocument: no")]
    )
    console.cache_clear()
    head, *rows = [line for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert {"queue", "took"} - set(head.split()) == left_out
    assert "failed" in rows[0]
    assert "Malform" in rows[0]
    assert "".join(row.split()[0] for row in rows) == run
    assert all(len(row) <= width for row in rows)


def test_letters_that_a_terminal_lacks_are_spelled_out() -> None:
    code = "from serdab.cli.application import spell_out_unknown_letters as s; s(); print('caf\u00e9 \u05d0')"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True).stdout
    assert told.strip() == b"caf\xe9 \\u05d0"
