"""Results and reports of documents that went through the whole workflow, hostile ones among them."""

from __future__ import annotations

import asyncio
import codecs
import csv
import datetime
import io
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from triage_house import working

from serdab.core import BadInput, Settings
from serdab.engines import Embedder
from serdab.flow import RunFailed, Serdab
from serdab.knowledge import (
    Document,
    Index,
    Receipt,
    Selection,
    failed_documents,
    kept_receipts,
    list_batches,
    sum_up,
    triage,
    write_report,
    write_results,
)
from serdab.knowledge.extraction import Field
from serdab.knowledge.facts import facts_of
from serdab.knowledge.index import Outcome
from serdab.store import Database
from word_engine import word_engine

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e"


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with word_engine() as (client, _):
        yield client


@pytest.fixture
async def index(settings: Settings, database: Database, embedder: Embedder) -> AsyncIterator[Index]:
    async with working(settings, database, embedder) as opened:
        yield opened


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.marked: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            self.marked.append(data)


def _page(text: str) -> Page:
    page = Page(text)
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "style")}, tag
        assert (attributes.get("href") or "#").startswith("#")
    return page


async def _put(serdab: Serdab, *documents: Document) -> list[Receipt]:
    handles = await serdab.start_many(triage, documents)
    results = []
    for handle in handles:
        try:
            results.append(await handle.result(60))
        except RunFailed:
            continue
    return results


async def _note(index: Index, receipt: Receipt, batch: str) -> None:
    """Put a receipt of our own making where those of the workflow are."""
    await index.note(
        Outcome(
            document_id=receipt.document_id, run_id=UUID(int=1), batch=batch, label=receipt.label,
            confidence=receipt.confidence, facts=facts_of(receipt.summary), body=msgspec.json.encode(receipt),
        )
    )  # fmt: skip


def _receipt(number: int, **more: object) -> Receipt:
    made = Receipt(
        document_id=UUID(int=number), source=f"s{number}", title="", media_type="text/plain", lang="en", doc_type="",
        characters=10, chunks=1, chunks_indexed=1, label="invoice", confidence=0.9, reasons=[], fields=[],
        summary={}, similar=[], delivered_to="x",
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


async def test_receipts_are_kept_by_batch_and_the_last_of_a_document_counts(
    serdab: Serdab, database: Database, index: Index
) -> None:
    texts = [Document(source=f"{n}", text=f"invoice {n} of acme, total EUR {n}.50", batch="first") for n in range(5)]
    await _put(serdab, *texts)
    await _put(serdab, msgspec.structs.replace(texts[0], batch="second"), Document(source="x", text="no batch"))
    assert {each.batch: each.documents for each in await list_batches(database)} == {"first": 4, "second": 1}
    await _put(serdab, msgspec.structs.replace(texts[0], text="a newer version", batch="third"))
    assert {each.batch: each.documents for each in await list_batches(database)} == {"first": 4, "third": 1}
    kept = [each async for each in kept_receipts(database, Selection(batch="first"))]
    assert sorted(each.receipt.source for each in kept) == ["1", "2", "3", "4"]
    assert len([each async for each in kept_receipts(database, Selection())]) == 6
    later = Selection(since=kept[-1].noted_at + datetime.timedelta(hours=1))
    assert [each async for each in kept_receipts(database, later)] == []


async def test_a_receipt_tells_the_other_places_of_the_same_content(
    serdab: Serdab, database: Database, index: Index
) -> None:
    text = "invoice of acme, total EUR 7.50"
    first, second = Document(source="in/a", text=text), Document(source="copies/a", text=text)
    await _put(serdab, first)
    await _put(serdab, second, Document(source="in/b", text="invoice of zenith"))
    places = {each.receipt.source: each.places async for each in kept_receipts(database, Selection())}
    assert places == {"in/a": ["copies/a"], "copies/a": ["in/a"], "in/b": []}
    await _put(serdab, msgspec.structs.replace(second, text="another text"))
    places = {each.receipt.source: each.places async for each in kept_receipts(database, Selection())}
    assert places == {"in/a": [], "copies/a": [], "in/b": []}
    out = io.BytesIO()
    await _put(serdab, second)
    await write_results(database, Selection(), "csv", out)
    rows = csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig")))
    assert {row["source"]: row["places"] for row in rows} == {"in/a": "copies/a", "copies/a": "in/a", "in/b": ""}


async def test_many_receipts_come_page_by_page_each_once(database: Database, index: Index) -> None:
    await asyncio.gather(*(_note(index, _receipt(number), "b") for number in range(1, 2_051)))
    found = [each.receipt.document_id.int async for each in kept_receipts(database, Selection(batch="b"))]
    assert sorted(found) == list(range(1, 2_051))


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
async def test_results_are_written_whole(database: Database, index: Index, tmp_path: Path, form: str) -> None:
    await _note(index, _receipt(1, summary={"total": "EUR 12.50", "party": ["A", "B"]}), "b")
    await _note(index, _receipt(2, summary={"date": "2026-01-31"}, source="عقد", abstained=True, reasons=["why"]), "b")
    target = tmp_path / f"out.{form}"
    target.write_text("before")
    assert await write_results(database, Selection(batch="b"), form, target) == 2
    assert [path.name for path in tmp_path.glob("*.part")] == []
    if form == "jsonl":
        rows = [msgspec.json.decode(line) for line in target.read_bytes().splitlines()]
        assert [row["source"] for row in rows] == ["s1", "عقد"]
        return
    if form == "csv":
        assert target.read_bytes().startswith(codecs.BOM_UTF8)
        read = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    else:
        import pyarrow.parquet

        read = pyarrow.parquet.read_table(target).to_pylist()
        assert isinstance(read[0]["noted_at"], datetime.datetime)
    assert [(row["source"], row["total"] or "", row["party"] or "", row["date"] or "") for row in read] == [
        ("s1", "EUR 12.50", "A; B", ""),
        ("عقد", "", "", "2026-01-31"),
    ]
    assert [float(row["confidence"]) for row in read] == [0.9, 0.9]
    assert [row["looks"] for row in read] == ["", "the kind invoice: why"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
async def test_no_receipts_are_an_empty_file(database: Database, tmp_path: Path, form: str) -> None:
    assert await write_results(database, Selection(batch="none"), form, tmp_path / "out") == 0
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n=1", "%x", "|calc", "-"],
)  # fmt: skip
async def test_no_cell_is_taken_for_a_formula(database: Database, index: Index, cell: str) -> None:
    clean = cell
    await _note(index, _receipt(1, title=clean, summary={"company": clean, clean: "v"}), "b")
    out = io.BytesIO()
    await write_results(database, Selection(), "csv", out)
    rows = list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline="")))
    for name in [*rows[0], *rows[1]]:
        assert not name.strip().startswith(("=", "+", "-", "@", "＝", "%", "|")), rows
        assert not name.startswith(("\t", "\r", "\n"))


@pytest.mark.parametrize("number", ["-12.50", "+3", "1,234.5", "0", "2026-01-31", "EUR 3"])
async def test_plain_values_stay_as_they_are(database: Database, index: Index, number: str) -> None:
    await _note(index, _receipt(1, summary={"total": number}), "b")
    out = io.BytesIO()
    await write_results(database, Selection(), "csv", out)
    assert next(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"))))["total"] == number


async def test_a_format_or_file_that_cannot_be_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="csv, jsonl, parquet"):
        await write_results(database, Selection(), "xls", tmp_path / "out")
    with pytest.raises(BadInput, match="can be written"):
        await write_results(database, Selection(), "csv", tmp_path / "nowhere" / "out")


async def test_a_report_tells_counts_failures_times_and_what_needs_a_look(
    serdab: Serdab, database: Database, index: Index, tmp_path: Path
) -> None:
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04 no")
    await _put(
        serdab,
        *(Document(source=f"{n}", text=f"invoice {n} of acme, total EUR {n}.50", batch="b") for n in range(4)),
        Document(source="broken", path=str(tmp_path / "broken.docx"), batch="b"),
        Document(source="other", path=str(tmp_path / "absent.txt"), batch="elsewhere"),
    )
    report = await sum_up(serdab, Selection(batch="b"), "Report: b")
    assert (report.recorded, [each.source for each in report.failed]) == (4, ["broken"])
    assert {"normalise", "embed", "deliver"} <= {stage.name for stage in report.stages}
    assert all(stage.total_s >= 0 and stage.steps >= 4 for stage in report.stages if stage.name == "deliver")
    page = _page(write_report(report))
    assert "broken" in page.text
    assert "5" in page.text
    assert len(await failed_documents(serdab, Selection())) == 2
    assert await failed_documents(serdab, Selection(label="x")) == []


async def test_a_document_whose_receipt_did_not_arrive_is_recorded_and_failed_and_counts_once(
    serdab: Serdab, index: Index
) -> None:
    await _put(
        serdab,
        Document(source="refused", text="invoice of acme", batch="b", deliver_to="http://127.0.0.1:9/"),
        Document(source="taken", text="letter of acme", batch="b"),
    )
    report = await sum_up(serdab, Selection(batch="b"), "b")
    assert (report.documents, report.recorded, [each.source for each in report.failed]) == (2, 2, ["refused"])
    assert '<a href="#failed">failed</a>' in write_report(report)


async def test_a_document_that_was_tried_again_failed_once_or_not_at_all(
    serdab: Serdab, index: Index, tmp_path: Path
) -> None:
    late = tmp_path / "late.txt"
    await _put(
        serdab, *(Document(source=name, path=str(tmp_path / name), batch="b") for name in ("never.txt", "late.txt"))
    )
    again = [await serdab.redrive(each.run_id) for each in await failed_documents(serdab, Selection(batch="b"))]
    for handle in again:
        with pytest.raises(RunFailed):
            await handle.result(60)
    failed = await failed_documents(serdab, Selection(batch="b"))
    assert {each.source for each in failed} == {"never.txt", "late.txt"}
    assert {each.run_id for each in failed} == {handle.id for handle in again}
    late.write_text("invoice of acme, total EUR 7.50")
    await (await serdab.redrive(next(each.run_id for each in failed if each.source == "late.txt"))).result(60)
    report = await sum_up(serdab, Selection(batch="b"), "b")
    assert (report.recorded, [each.source for each in report.failed]) == (1, ["never.txt"])


async def test_the_place_of_a_doubt_is_marked_in_the_text(serdab: Serdab, index: Index) -> None:
    text = "عقد بين الشركتين بتاريخ 2026-01-31 والمبلغ الكلي 120 دينار"
    (receipt,) = await _put(serdab, Document(source="contract", text=text, batch="b"))
    place = text.index("120")
    unsure = Field(kind="total", value="120", start=place, end=place + 3, confidence=0.2, reason="no currency")
    await _note(index, msgspec.structs.replace(receipt, fields=[unsure], summary={"total": "120"}), "b")
    report = await sum_up(serdab, Selection(batch="b"), "r")
    assert [(look.before, look.place, look.behind) for look in report.looks if look.place] == [
        (text[:place], "120", text[place + 3 :])
    ]
    page = _page(write_report(report))
    assert page.marked == ["120"]
    quotes = [attributes for tag, attributes in page.tags if tag == "blockquote"]
    assert quotes == [{"dir": "auto", "lang": receipt.lang}]


async def test_hostile_texts_stay_texts(serdab: Serdab, index: Index) -> None:
    await _put(serdab, Document(source=f"s {HOSTILE}", text=f"total 12 {HOSTILE}", title=HOSTILE, batch=HOSTILE))
    field = Field(kind=HOSTILE, value=HOSTILE, start=0, end=5, confidence=0.1, reason=HOSTILE)
    found = [each async for each in kept_receipts(serdab.database, Selection())]
    hostile = msgspec.structs.replace(
        found[0].receipt, label=HOSTILE, confidence=0.1, lang=HOSTILE, fields=[field], summary={"total": HOSTILE}
    )
    await _note(index, hostile, HOSTILE)
    await _put(serdab, Document(source=HOSTILE, path=f"/nowhere/{HOSTILE[:40].replace('/', '')}", batch=HOSTILE))
    text = write_report(await sum_up(serdab, Selection(), HOSTILE))
    page = _page(text)
    assert HOSTILE.rstrip("\u202e") in page.text
    assert "\u202e" not in text
    assert "http://" not in text
    assert "https://" not in text


async def test_the_histogram_has_every_document_with_a_kind(serdab: Serdab, index: Index) -> None:
    for number, confidence in enumerate((0.0, 0.04, 0.5, 0.97, 1.0), 1):
        await _note(index, _receipt(number, confidence=confidence), "b")
    await _note(index, _receipt(9, label=None, confidence=0.3), "b")
    report = await sum_up(serdab, Selection(batch="b"), "r")
    assert report.confidences[0] == 2
    assert report.confidences[10] == 1
    assert report.confidences[-1] == 2
    assert sum(report.confidences) == 5
    bars = [attributes for tag, attributes in _page(write_report(report)).tags if tag == "rect"]
    assert len(bars) == 20
    assert max(float(bar["height"] or 0) for bar in bars) == 160


async def test_a_type_that_nobody_gave_is_told_apart_from_one_that_was_given(serdab: Serdab, index: Index) -> None:
    invoice = "Invoice no. 7\nDue date: 3 May 2026\nPumps  80.00\nTotal due  80.00"
    texts = {"a": invoice, "b": f"{invoice}\nThanks", "c": "A letter about nothing"}
    given = Document(source="d", text="Pumps 80.00", doc_type="invoice")
    await _put(serdab, given, *(Document(source=source, text=text) for source, text in texts.items()))
    out = io.BytesIO()
    await write_results(serdab.database, Selection(), "csv", out)
    rows = {row["source"]: row for row in csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig")))}
    assert {source: (row["doc_type"], row["read_as"]) for source, row in rows.items()} == {
        "a": ("", "invoice"), "b": ("", "invoice"), "c": ("", ""), "d": ("invoice", "invoice"),
    }  # fmt: skip
    report = await sum_up(serdab, Selection(), "r")
    assert sorted(report.types) == [("", 1, 0), ("invoice", 3, 1)]
    page = write_report(report)
    assert "invoice32" in _page(page).text.replace("\n", "")
    assert re.search(r"\(none\)(?:<[^>]*>)+1(?:<[^>]*>)+</tr>", page)


async def test_receipts_are_selected_by_the_type_that_was_given_or_found(serdab: Serdab, index: Index) -> None:
    invoice = "Invoice no. 7\nDue date: 3 May 2026\nPumps  80.00\nTotal due  80.00"
    given = Document(source="given", text="Pumps 80.00", doc_type="invoice", batch="b")
    await _put(serdab, given, Document(source="found", text=invoice, batch="b"), Document(source="letter", text="Dear"))
    for selection, sources in (
        (Selection(doc_type="invoice"), ["found", "given"]),
        (Selection(doc_type="invoice", batch="b"), ["found", "given"]),
        (Selection(doc_type="invoice", batch="c"), []),
        (Selection(doc_type="bill"), []),
    ):
        kept = [each.receipt.source async for each in kept_receipts(serdab.database, selection)]
        assert sorted(kept) == sources
        out = io.BytesIO()
        await write_results(serdab.database, selection, "csv", out)
        assert ("due_date" in out.getvalue().decode().partition("\r\n")[0]) == ("found" in sources)
