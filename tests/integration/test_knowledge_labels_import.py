"""Importing labels into a real database through a real engine, and being told kinds by them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serdab.engines import Embedder
from serdab.knowledge import (
    Classifier,
    classification,
    heads,
    import_labels,
    labels_link,
    list_label_sets,
    remove_label_set,
    train_labels,
)
from serdab.knowledge import labels as labels_module
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.labelling import training
from serdab.store import Connection, Database, load_statements
from word_engine import WordEngine, word_engine

CARD = ["my card was stolen", "the card is lost", "somebody stole my card", "lost card abroad", "card stolen today"]
RATE = ["what is the exchange rate", "rate for euros", "exchange rates today", "which rate applies", "good rate?"]


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[tuple[Embedder, WordEngine]]:
    async with word_engine() as running:
        yield running


@pytest.fixture
def embedder(engine: tuple[Embedder, WordEngine]) -> Embedder:
    return engine[0]


@pytest.fixture
async def classifier(database: Database) -> AsyncIterator[Classifier]:
    async with Classifier(database) as opened:
        yield opened


def _write(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_bytes(b"\n".join(msgspec.json.encode({"text": text, "label": label}) for text, label in rows))
    return path


def _both() -> list[tuple[str, str]]:
    return [(text, "stolen") for text in CARD] + [(text, "rate") for text in RATE]


async def _wait_for_one_who_waits(database: Database, pid: int) -> None:
    while not await database.pool.fetchval(
        "select exists (select from pg_stat_activity where $1 = any (pg_blocking_pids(pid)))", pid
    ):
        await asyncio.sleep(0.01)


async def test_imported_labels_tell_a_text_with_confidence_and_reasons(
    database: Database, embedder: Embedder, classifier: Classifier, tmp_path: Path
) -> None:
    report = await import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both()))
    assert (report.added, report.known, report.refused, report.examples, report.labels) == (10, 0, 0, 10, 2)
    text = "they stole the card"
    verdict = await classifier.classify(text, (await embedder.embed([text]))[0])
    assert verdict.label == "stolen"
    assert 0.5 < verdict.confidence <= 1
    assert "somebody stole my card” of stolen, similarity" in verdict.reasons[0]
    assert verdict.reasons[-1].startswith("ahead of rate by")
    assert [(each.name, each.examples) for each in await list_label_sets(database)] == [("default", 10)]


async def test_two_processes_make_one_set_at_once(database: Database, embedder: Embedder, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group, database.pool.acquire() as other, other.transaction():
        set_id = await other.fetchval("insert into label_set (name) values ('default') returning set_id")
        task = group.create_task(import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both())))
        await _wait_for_one_who_waits(database, other.get_server_pid())
    assert task.result().examples == 10
    assert await database.pool.fetchval("select array_agg(set_id) from label_set") == [set_id]


async def test_rows_that_another_import_adds_meanwhile_are_not_counted_as_added(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    """What the statement of the import waits for is there, in part with another label, when it goes on."""
    await import_labels(database, embedder, _write(tmp_path / "other.jsonl", _both()), label_set="other")
    await database.pool.execute("insert into label_set (name) values ('default')")
    async with asyncio.TaskGroup() as group, database.pool.acquire() as other, other.transaction():
        await other.execute(
            "insert into label_example (set_id, digest, label, text, embedding, made_by) "
            "select (select set_id from label_set where name = 'default'), digest, "
            "       case text when 'good rate?' then 'other' else label end, text, embedding, made_by "
            "from label_example where label = 'rate'"
        )
        task = group.create_task(import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both())))
        await _wait_for_one_who_waits(database, other.get_server_pid())
    report = task.result()
    assert (report.added, report.known, report.refused, report.examples) == (5, 4, 1, 10)
    assert "'other', as in the set, got 'rate'" in report.refusals[0].reason


async def test_two_imports_of_the_same_texts_in_another_order_do_not_wait_for_each_other(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both()))
    set_id = await database.pool.fetchval("insert into label_set (name) values ('new') returning set_id")
    sql = "select digest, label, text, embedding::text from label_example order by digest"
    rows = [tuple(row) for row in await database.pool.fetch(sql)]
    add = load_statements("serdab.knowledge")["add_examples"].replace("$5::vector[]", "$5::text[]::vector[]")

    async def added(connection: Connection, rows: list[tuple[Any, ...]]) -> int:
        return len(await connection.fetch(add, set_id, *map(list, zip(*rows, strict=True)), ""))

    async with database.pool.acquire() as one, database.pool.acquire() as another, database.pool.acquire() as other:
        async with other.transaction():  # Both come as far as the row in the middle.
            await added(other, [rows[5]])
            tasks = [asyncio.create_task(added(one, rows)), asyncio.create_task(added(another, rows[::-1]))]
            while await other.fetchval("select count(*) from pg_stat_activity where pg_blocking_pids(pid) <> '{}'") < 2:
                await asyncio.sleep(0.01)
        assert sorted(await asyncio.gather(*tasks)) == [0, 9]


async def test_what_is_imported_while_others_learn_is_learned(
    database: Database, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both()))
    await database.pool.execute("update label_head set digest = '\\x00'")
    begun, go_on, learn = threading.Event(), threading.Event(), heads.learn

    def slow(*args: Any) -> Any:
        first = not begun.is_set()
        begun.set()
        assert not first or go_on.wait(30)
        return learn(*args)

    monkeypatch.setattr(training, "learn", slow)
    async with labels_link(database) as link:
        learning = asyncio.create_task(train_labels(link, embedder))
        await asyncio.to_thread(begun.wait, 30)
        new = [(f"where is the parcel {n}", "parcel") for n in range(8)]
        await import_labels(database, embedder, _write(tmp_path / "more.jsonl", new))
        go_on.set()
        await learning
    async with Classifier(database) as classifier:
        text = "where is the parcel"
        verdict = await classifier.classify(text, (await embedder.embed([text]))[0])
    assert verdict.label == "parcel"


async def test_a_second_import_changes_nothing_and_embeds_nothing(
    database: Database, engine: tuple[Embedder, WordEngine], tmp_path: Path
) -> None:
    file = _write(tmp_path / "l.jsonl", _both())
    await import_labels(database, engine[0], file)
    before = len(engine[1].requests)
    report = await import_labels(database, engine[0], file)
    assert (report.added, report.known, report.examples) == (0, 10, 10)
    assert len(engine[1].requests) == before


async def test_a_double_far_below_in_the_file_is_no_row_that_was_known_before(
    database: Database, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels_module, "BATCH", 4)
    report = await import_labels(database, embedder, _write(tmp_path / "a.jsonl", [*_both(), *_both()[:3]]))
    assert (report.added, report.doubles, report.known) == (10, 3, 0)


async def test_doubles_are_taken_once_and_contradictions_are_named(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    rows = [*_both(), ("my  card was stolen", "stolen"), ("the card is lost", "rate")]
    report = await import_labels(database, embedder, _write(tmp_path / "a.jsonl", rows))
    assert (report.added, report.doubles, report.known, report.refused) == (10, 1, 0, 1)
    assert report.refusals[0].row == 12
    assert "'stolen', as in row 2" in report.refusals[0].reason
    report = await import_labels(database, embedder, tmp_path / "a.jsonl")
    assert (report.added, report.doubles, report.known, report.refused) == (0, 1, 10, 1)
    report = await import_labels(
        database, embedder, _write(tmp_path / "b.jsonl", [("the card is lost", "x"), ("n", "y")])
    )
    assert (report.added, report.refused, report.refusals[0].reason[-3:]) == (1, 1, "'x'")


async def test_many_rows_arrive_in_batches_and_progress_is_told(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    rows = [(f"text number {n} about {'cards' if n % 2 else 'rates'}", "ab"[n % 2]) for n in range(1200)]
    told: list[int] = []
    report = await import_labels(database, embedder, _write(tmp_path / "l.jsonl", rows), on_progress=told.append)
    assert (report.added, report.examples, told[-1]) == (1200, 1200, 1200)
    assert len(told) > 2
    assert report.held_out_accuracy == 1.0


async def test_a_worker_sees_labels_that_were_imported_after_it_looked(
    database: Database, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serdab.knowledge.classification.FRESH_S", 0.0)
    vector = (await embedder.embed(["card stolen"]))[0]
    async with Classifier(database) as classifier:
        none = await classifier.classify("card stolen", vector)
        assert (none.label, none.confidence) == (None, 0.0)
        assert "serdab labels import" in none.reasons[0]
        await import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both()))
        assert (await classifier.classify("card stolen", vector)).label == "stolen"
        assert (await classifier.classify("card stolen", vector, "other set")).label is None


async def test_too_few_examples_are_compared_one_by_one(
    database: Database, embedder: Embedder, classifier: Classifier, tmp_path: Path
) -> None:
    rows = [("my card was stolen", "stolen"), ("what is the exchange rate", "rate"), ("سعر الصرف اليوم", "rate-ar")]
    report = await import_labels(database, embedder, _write(tmp_path / "l.jsonl", rows))
    assert report.held_out_accuracy is None
    verdict = await classifier.classify("stolen card", (await embedder.embed(["stolen card"]))[0])
    assert verdict.label == "stolen"
    assert "too few examples" in verdict.reasons[-1]
    verdict = await classifier.classify("الصرف", (await embedder.embed(["الصرف"]))[0])
    assert verdict.label == "rate-ar"
    assert verdict.confidence < 0.9


async def test_a_file_of_which_nothing_can_be_taken_says_why(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    file = tmp_path / "l.jsonl"
    file.write_bytes(b'{"text": "a", "labels": {"odd": "x"}}\n{"text": "a", "split": "test"}')
    with pytest.raises(BadLabels, match=r"1 refused and 1 of other splits.; the first refused is row 1: .*label"):
        await import_labels(database, embedder, file)


async def test_a_file_with_other_columns_leaves_no_set_behind(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    file = tmp_path / "kinds.csv"
    file.write_text("words;kind\na;b\n")
    with pytest.raises(BadLabels, match="the columns text and label"):
        await import_labels(database, embedder, file)
    assert await database.pool.fetchval("select count(*) from label_set") == 0


async def test_an_import_without_an_engine_can_be_repeated(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    from serdab.engines import EngineUnavailable

    file = _write(tmp_path / "l.jsonl", _both())
    async with Embedder(lambda: None, 384, deadline_s=0.1) as nobody:
        with pytest.raises(EngineUnavailable):
            await import_labels(database, nobody, file)
    assert (await import_labels(database, embedder, file)).added == 10


async def test_a_set_that_is_removed_while_rows_come_takes_none_of_them(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    file = _write(tmp_path / "l.jsonl", _both())
    async with database.pool.acquire() as other, other.transaction():
        await other.execute("lock table label_example in exclusive mode")
        importing = asyncio.create_task(import_labels(database, embedder, file, label_set="kinds"))
        await _wait_for_one_who_waits(database, other.get_server_pid())
        await other.execute("delete from label_set")
    with pytest.raises(BadLabels, match="to stay while it is used"):
        await importing
    assert await database.pool.fetchval("select count(*) from label_example") == 0


async def test_a_set_that_is_removed_while_it_is_looked_at_is_one_that_is_not_there(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both()), label_set="kinds")

    class Between:
        """A connection; before the second look somebody removes the set."""

        def __init__(self, connection: Any) -> None:
            self.connection, self.looks = connection, 0

        async def fetchrow(self, sql: str, *arguments: object) -> Any:
            self.looks += 1
            if self.looks == 2:
                await remove_label_set(database, "kinds")
            return await self.connection.fetchrow(sql, *arguments)

    async with database.pool.acquire() as connection:
        known = await classification._load(Between(connection), "kinds", None)
    assert known.set_id is None


async def test_a_worker_that_knows_a_set_goes_on_when_it_is_removed(
    database: Database, embedder: Embedder, classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kinds", "others"):
        await import_labels(database, embedder, _write(tmp_path / "l.jsonl", _both()), label_set=name)
    embedding = (await embedder.embed(["my card was stolen"]))[0]
    assert (await classifier.classify("my card was stolen", embedding, "kinds")).label == "stolen"
    removed = await remove_label_set(database, "kinds")
    assert (removed.name, removed.examples, removed.labels) == ("kinds", 10, 2)
    assert (await classifier.classify("my card was stolen", embedding, "kinds")).label == "stolen"
    monkeypatch.setattr(classification, "FRESH_S", 0.0)
    verdict = await classifier.classify("my card was stolen", embedding, "kinds")
    assert verdict.label is None
    assert "no labels are known in the set kinds" in verdict.reasons[0]
    assert (await classifier.classify("my card was stolen", embedding, "others")).label == "stolen"
    with pytest.raises(BadLabels, match="kinds"):
        await remove_label_set(database, "kinds")
