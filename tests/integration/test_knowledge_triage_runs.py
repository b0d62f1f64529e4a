"""Documents through the whole workflow: a real worker, a real database, a real engine, real places of delivery."""

from __future__ import annotations

import asyncio
import datetime
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from triage_house import working

from einvoice_samples import VALUES, cii, embedding, page_of_invoice
from receipt_office import Office, open_office
from serdab.core import Settings, time_of
from serdab.engines import Embedder
from serdab.flow import RunFailed, Serdab
from serdab.knowledge import (
    BadEvaluation,
    Document,
    Index,
    Receipt,
    Selection,
    document_of,
    evaluate_triage,
    failed_documents,
    find_sources,
    import_labels,
    kept_receipts,
    list_label_sets,
    remove_label_set,
    triage,
)
from serdab.store import Database
from word_engine import WordEngine, word_engine


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[tuple[Embedder, WordEngine]]:
    async with word_engine() as running:
        yield running


@pytest.fixture
def embedder(engine: tuple[Embedder, WordEngine]) -> Embedder:
    return engine[0]


@pytest.fixture(scope="module")
async def office() -> AsyncIterator[Office]:
    async with open_office() as here:
        yield here


@pytest.fixture
async def index(settings: Settings, database: Database, embedder: Embedder, office: Office) -> AsyncIterator[Index]:
    """A running worker and its index."""
    guard = msgspec.structs.replace(settings.guard, allow=f"127.0.0.1:{office.port}")
    async with working(msgspec.structs.replace(settings, guard=guard), database, embedder) as index:
        yield index


async def _receipt(serdab: Serdab, document: Document) -> Receipt:
    receipt = await (await serdab.start(triage, document)).result(60)
    assert isinstance(receipt, Receipt)
    return receipt


async def test_a_text_becomes_a_receipt_that_is_delivered(index: Index, serdab: Serdab, tmp_path: Path) -> None:
    text = "Invoice INV-20417\nDate: 2026-03-14\nTotal: 120.50 EUR"
    run = await serdab.start(triage, Document(source="inbox#1", text=text, doc_type="invoice"))
    receipt = await run.result(60)
    assert (receipt.source, receipt.lang, receipt.doc_type, receipt.chunks) == ("inbox#1", "en", "invoice", 1)
    assert receipt.chunks_indexed == 1
    assert (receipt.label, receipt.confidence) == (None, 0.0)
    assert "serdab labels import" in receipt.reasons[0]
    assert receipt.fields
    assert receipt.record is not None
    assert (receipt.record.schema, receipt.record.value("number")) == ("invoice", "INV-20417")
    assert (receipt.summary["total"], receipt.summary["date"]) == ("120.50 EUR", "2026-03-14")
    place = Path(receipt.delivered_to)
    assert place == tmp_path / "deliveries" / f"{receipt.document_id}.json"
    assert msgspec.json.decode(place.read_bytes(), type=Receipt) == receipt
    assert receipt.seen_at == datetime.datetime.fromtimestamp(time_of(run.id), datetime.UTC)
    names = [step.key.rsplit("/", 1)[-1].split("#")[0] for step in (await run.detail()).steps]
    assert sorted(names) == ["classify", "deliver", "embed", "extract", "find_similar", "normalise", "split"]


async def test_files_are_read_in_a_process_of_their_own(index: Index, serdab: Serdab, tmp_path: Path) -> None:
    file = tmp_path / "note.md"
    file.write_text("# A note\n\nabout the garden", "utf-8")
    run = await serdab.start(triage, Document(source=str(file), path=str(file)))
    receipt = await run.result(60)
    assert (receipt.media_type, receipt.lang) == ("text/markdown", "en")
    assert "read#1" in [step.key for step in (await run.detail()).steps]


async def test_an_invoice_embedded_in_a_pdf_is_compared_with_its_pages(
    index: Index, serdab: Serdab, tmp_path: Path
) -> None:
    file = tmp_path / "march.pdf"
    file.write_bytes(embedding(page_of_invoice("10,000.00 EUR"), cii()))
    receipt = await _receipt(serdab, Document(source=str(file), path=str(file)))
    assert receipt.record is not None
    assert {name: receipt.record.value(name) for name in VALUES} == VALUES
    assert [(look.field, look.start > 0) for look in receipt.record.looks] == [("total", True)]
    assert (receipt.summary["total"], receipt.read_as) == (VALUES["total"], "invoice")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.txt", b"", "EmptyDocument"),
        ("blank.txt", b" \n\t ", "EmptyDocument"),
        ("broken.pdf", b"%PDF-1.7 and then nothing", "Document"),
        ("picture.txt", b"GIF89a....", "UnsupportedDocument"),
        ("large.txt", b"word " * 1000, "TooLargeDocument"),
        ("missing.txt", None, "UnreachableDocument"),
    ],
)
async def test_a_document_that_cannot_be_read_ends_its_run_at_once_with_the_reason(
    index: Index, serdab: Serdab, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    run = await serdab.start(triage, Document(source=name, path=str(file), most_bytes=1000))
    with pytest.raises(RunFailed) as caught:
        await run.result(60)
    assert reason in str(caught.value)
    steps = (await run.detail()).steps
    assert [(step.key, step.attempts) for step in steps] == [("read#1", 1)]
    assert await index.count() == 0


async def test_what_cannot_be_had_ends_like_what_cannot_be_read(
    index: Index, serdab: Serdab, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"words": "no text"}')
    (source,) = find_sources([tmp_path / "rows.jsonl"], 1000)
    run = await serdab.start(triage, document_of(source, settings, batch="march"))
    with pytest.raises(RunFailed, match="MalformedDocument"):
        await run.result(60)
    (failed,) = await failed_documents(serdab, Selection(batch="march"))
    assert (failed.source, failed.kind) == (f"{tmp_path}/rows.jsonl#1", "MalformedDocument")
    assert failed.reason.startswith("expected line 1 to be a JSON object with text")


@pytest.mark.parametrize("text", ["", " \n ", "\u200b\u200b"])
async def test_a_text_without_words_is_refused_too(index: Index, serdab: Serdab, text: str) -> None:
    with pytest.raises(RunFailed, match="EmptyDocument"):
        await _receipt(serdab, Document(source="x", text=text))


async def test_labels_and_similar_documents_are_in_the_receipt(
    index: Index, serdab: Serdab, embedder: Embedder, tmp_path: Path
) -> None:
    kinds = {"stolen": "my card was stolen by somebody", "rate": "what exchange rate applies today"}
    rows = [{"text": f"{text} {n}", "label": label} for label, text in kinds.items() for n in range(3)]
    labels = tmp_path / "labels.jsonl"
    labels.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    await import_labels(serdab.database, embedder, labels)
    first = await _receipt(serdab, Document(source="1", text="somebody has stolen my card in Berlin"))
    assert first.label == "stolen"
    assert first.similar == []
    second = await _receipt(serdab, Document(source="2", text="my stolen card was used in Berlin"))
    assert (second.label, [each.document_id for each in second.similar]) == ("stolen", [first.document_id])
    assert second.similar[0].label == "stolen"
    assert 0 < second.similar[0].similarity < 1
    assert second.similar[0].snippet.startswith("somebody")


async def test_a_receipt_tells_who_wrote_what_of_a_mail(index: Index, serdab: Serdab) -> None:
    text = "From: a@example.org\nSubject: Re: rent\n\nYes.\n\nOn Monday, Desk wrote:\n> Is it paid?\n"
    for media_type, kinds in (("message/rfc822", ["own", "quoted"]), ("text/plain", [])):
        receipt = await _receipt(serdab, Document(source=media_type, text=text, media_type=media_type))
        assert [part.kind for part in receipt.parts] == kinds


async def test_the_same_document_twice_is_one_document(index: Index, serdab: Serdab) -> None:
    document = Document(source="1", text="the same words")
    first, second = await asyncio.gather(_receipt(serdab, document), _receipt(serdab, document))
    assert first.document_id == second.document_id
    assert first.similar == second.similar == []
    assert await index.count() == 1


async def test_a_long_document_is_found_by_its_first_parts_and_says_so(
    index: Index, serdab: Serdab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serdab.knowledge.triaging.MOST_INDEXED", 5)
    monkeypatch.setattr("serdab.knowledge.triaging.CHUNKS_AT_ONCE", 2)
    text = "\n\n".join(f"Paragraph {n} about matter{n}. " + "More words follow. " * 40 for n in range(40))
    receipt = await _receipt(serdab, Document(source="long", text=text))
    assert receipt.chunks >= 30
    assert receipt.chunks_indexed == 5


async def test_an_office_that_fails_gets_the_same_key_again(index: Index, serdab: Serdab, office: Office) -> None:
    office.answers, office.taken = [503, 500], []
    url = f"http://127.0.0.1:{office.port}/?token="
    run = await serdab.start(triage, Document(source="1", text="to the office", deliver_to=f"{url}hunter2"))
    # Whoever may read receipts may not therefore call the hook.
    assert (await run.result(60)).delivered_to == f"{url}…"
    assert not any(b"hunter2" in body for _, body in office.taken)
    assert [each.receipt.delivered_to async for each in kept_receipts(serdab.database, Selection())] == [f"{url}…"]
    assert len(office.keys) == 3
    assert len(set(office.keys)) == 1
    assert [step.attempts for step in (await run.detail()).steps if step.key == "deliver#1"] == [3]


async def test_a_run_that_waits_as_the_office_asks_leaves_the_worker(
    index: Index, serdab: Serdab, office: Office, eventually: Callable[..., Any]
) -> None:
    office.answers, office.taken, office.retry_after = [503], [], "600"
    document = Document(source="1", text="to the office", deliver_to=f"http://127.0.0.1:{office.port}/")
    run = await serdab.start(triage, document)
    pool = serdab.database.pool
    query = "select extract(epoch from wake_at - parked_at)::float8 from parked"
    # The backoff comes on top: up to a second after the first try.
    assert 500 < await eventually(lambda: pool.fetchval(query)) < 602
    office.retry_after = ""
    # The time has passed; until then nobody else changes what is parked.
    await pool.execute("update step_attempt set retry_at = clock_timestamp()")
    await pool.execute("update parked set wake_at = clock_timestamp()")
    assert (await run.result(60)).delivered_to == document.deliver_to
    assert len(office.taken) == 2


@pytest.mark.parametrize(
    ("answers", "url", "reason"),
    [([404], "http://127.0.0.1:{port}/", "DeliveryRefused"), ([], "http://127.0.0.1:9/", "DeniedHost")],
)
async def test_a_refused_delivery_ends_the_run_at_once(
    index: Index, serdab: Serdab, office: Office, answers: list[int], url: str, reason: str
) -> None:
    office.answers, office.taken = list(answers), []
    document = Document(source="1", text="to nobody", deliver_to=url.format(port=office.port))
    with pytest.raises(RunFailed, match=reason):
        await _receipt(serdab, document)
    assert len(office.keys) == len(answers)


async def test_a_redriven_delivery_is_the_same_and_a_document_that_comes_again_has_another(
    index: Index, serdab: Serdab, office: Office
) -> None:
    """An office that took the receipt and then said that it did not can tell the redrive by its key."""
    office.answers, office.taken = [422, 200, 200], []
    document = Document(source="1", text="to the office", deliver_to=f"http://127.0.0.1:{office.port}/")
    run = await serdab.start(triage, document)
    with pytest.raises(RunFailed, match="DeliveryRefused"):
        await run.result(60)
    await _receipt(serdab, Document(source="2", text="to the office, too"))
    await (await serdab.redrive(run.id)).result(60)
    await _receipt(serdab, document)
    refused, redriven, again = ((headers["idempotency-key"], body) for headers, body in office.taken)
    assert redriven == refused
    assert again[0] != refused[0]


async def test_an_evaluation_compares_what_was_found_and_leaves_nothing_behind(
    index: Index, serdab: Serdab, engine: tuple[Embedder, WordEngine], tmp_path: Path
) -> None:
    embedder, words = engine
    kinds = {"stolen": "my card was stolen", "rate": "exchange rate today"}
    rows = [
        {"id": f"{split}-{label}-{n}", "text": f"{text} {n} {split}", "labels": {"type": "q", "category": label},
         "lang": "en", "split": split}
        for split, count in (("train", 10), ("test", 4), ("dev", 2))
        for label, text in kinds.items()
        for n in range(count)
    ]  # fmt: skip
    file = tmp_path / "queries.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, [*rows, {"id": "e", "text": "", "split": "test"}])) + b"\n{")
    told: list[tuple[int, int]] = []
    report = await evaluate_triage(serdab, embedder, file, on_progress=lambda done, of: told.append((done, of)))
    assert (report.documents, report.recorded, report.refused) == (10, 8, 2)
    assert (report.accuracy, report.macro_f1, report.compared) == (1.0, 1.0, 8)
    assert report.accuracy_low is not None
    assert 0.6 < report.accuracy_low < 0.7
    assert (report.learned_rows, report.learned_labels) == (20, 2)
    assert report.documents_per_minute > 0
    assert {each.reason.split(":")[0].split(" ")[0] for each in report.refusals} <= {"expected", "run", "step"}
    assert told[-1] == (9, 9)
    assert await index.count() == 0
    assert list((serdab.settings.folder / "evaluations").iterdir()) == []
    assert (await evaluate_triage(serdab, embedder, file, limit=3)).recorded == 3
    # What was learned from other rows under this name would be known twice, or known that is asked now.
    file.write_bytes(b"\n".join(map(msgspec.json.encode, [row for row in rows if row["id"] != rows[0]["id"]])))
    assert (await evaluate_triage(serdab, embedder, file)).learned_rows == 19
    # A set that somebody removes meanwhile would tell nothing, and accuracy be 0.
    removals: list[asyncio.Task[Any]] = []

    def remove(_done: int, _of: int) -> None:
        if not removals:
            words.open.clear()  # No document ends before it is done.
            removals.append(asyncio.create_task(_remove_sets_of_evaluations(serdab.database)))
            removals[0].add_done_callback(lambda _: words.open.set())

    with pytest.raises(BadEvaluation, match="removal"):
        await evaluate_triage(serdab, embedder, file, on_progress=remove)


async def _remove_sets_of_evaluations(database: Database) -> None:
    for each in await list_label_sets(database):
        if each.name.startswith("evaluation/"):
            await remove_label_set(database, each.name)


async def test_rows_are_asked_by_what_was_learned_from_the_others_near_copies_together(
    index: Index, serdab: Serdab, embedder: Embedder, tmp_path: Path
) -> None:
    kinds = {"card": "stolen card blocked bank abroad", "rate": "exchange rate dollars euros today"}
    draw = random.Random(3)
    rows = [
        {"text": " ".join(draw.sample(said.split(), 4)) + f" {n}", "label": label}
        for label, said in kinds.items()
        for n in range(20)
    ]
    # Of each of these there are copies, under either label: who has learned from a copy is misled.
    rows += [{"text": f"{nonsense} " * 5 + str(n), "label": label}
             for nonsense in ("quoth raven evermore", "jabber frabjous slithy")
             for n, label in enumerate(kinds)]  # fmt: skip
    file = tmp_path / "mine.jsonl"
    file.write_bytes(b"\n".join(map(msgspec.json.encode, [*rows, {"text": "no label at all"}])))
    report = await evaluate_triage(serdab, embedder, file, across=True)
    assert (report.documents, report.recorded, report.compared) == (44, 44, 44)
    assert (report.learned_rows, report.learned_labels) == (44, 2)
    assert report.accuracy is not None
    assert report.accuracy >= 40 / 44
    assert await serdab.database.pool.fetchval("select count(*) from label_set where name like 'evaluation-%'") == 0
    assert await serdab.database.pool.fetchval("select count(*) from label_example") == 0
    assert list((serdab.settings.folder / "evaluations").iterdir()) == []
    file.write_bytes(msgspec.json.encode(rows[0]))
    with pytest.raises(BadEvaluation, match="enough to hold some out"):
        await evaluate_triage(serdab, embedder, file, across=True)


async def test_an_evaluation_of_nothing_says_so(
    index: Index, serdab: Serdab, embedder: Embedder, tmp_path: Path
) -> None:
    with pytest.raises(BadEvaluation, match="with documents"):
        await evaluate_triage(serdab, embedder, tmp_path / "nowhere")
