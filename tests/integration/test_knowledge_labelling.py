"""Labels over a real database and a real engine: descriptions, costs, reviews, scores, and engines that changed."""

from __future__ import annotations

import asyncio
import csv
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serdab.cli.reviewing import chosen_label, read_answers, write_sheet
from serdab.core import BadInput
from serdab.engines import Embedder
from serdab.knowledge import (
    Answer,
    Classifier,
    Entry,
    Index,
    Passage,
    classification,
    describe_labels,
    document_id_of,
    find_doubtful,
    import_labels,
    labels_link,
    list_label_sets,
    measure_drift,
    remove_label_set,
    score_set,
    show_labels,
    take_answers,
    train_labels,
)
from serdab.knowledge.errors import BadLabels, IndexAway, OtherMaker
from serdab.store import Database
from word_engine import word_engine

_WHO_WAIT = "select count(*) from pg_stat_activity where pg_blocking_pids(pid) <> '{}'"
WORDS = {"stolen": "card stolen lost thief abroad pickpocket", "rate": "exchange rate euro dollar percent bank"}


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with word_engine() as (client, _):
        yield client


def _texts(label: str, count: int) -> list[str]:
    words = WORDS[label].split()
    return [f"{words[n % 6]} {words[(n // 6) % 6]} {words[(n // 2) % 6]} number{n}" for n in range(count)]


def _examples(path: Path, count: int) -> Path:
    rows = [{"text": text, "label": label} for label in WORDS for text in _texts(label, count)]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


async def _index(database: Database, embedder: Embedder, texts: list[str], made_by: str = "") -> None:
    async with Index(database) as index:
        for number, text in enumerate(texts):
            digest = number.to_bytes(32, "big")
            entry = Entry(
                document_id=document_id_of(f"d{number}", digest), digest=digest, source=f"d{number}", title="",
                media_type="text/plain", lang="en", doc_type="", characters=len(text),
                passages=[Passage(start=0, end=len(text), text=text)],
            )  # fmt: skip
            await index.add(entry, await embedder.embed([text]), made_by)


async def test_descriptions_alone_tell_and_examples_join_them(database: Database, embedder: Embedder) -> None:
    async with labels_link(database) as link, Classifier(database) as classifier:
        await describe_labels(link, embedder, "kinds", WORDS)
        report = await train_labels(link, embedder, "kinds")
        assert (report.examples, report.threshold) == (0, None)
        text = "thief took my card"
        verdict = await classifier.classify(text, (await embedder.embed([text]))[0], "kinds")
        assert verdict.label == "stolen"
        assert verdict.abstained
        known = await show_labels(database, "kinds")
        assert [(each.label, each.examples, each.description) for each in known] == sorted(
            (label, 0, text) for label, text in WORDS.items()
        )


async def test_a_set_of_descriptions_alone_is_reviewed_and_drift_says_what_it_lacks(
    database: Database, embedder: Embedder
) -> None:
    sure, unsure = "thief stolen card", "thief rate exchange"
    await _index(database, embedder, [sure, unsure])
    async with labels_link(database) as link, Classifier(database) as classifier:
        await describe_labels(link, embedder, "kinds", WORDS)
        await train_labels(link, embedder, "kinds")
        found = await find_doubtful(link, "kinds", 5)
        assert [each.source for each in found] == ["d1", "d0"]
        for each, text in zip(found, (unsure, sure), strict=True):
            told = await classifier.classify(text, (await embedder.embed([text]))[0], "kinds")
            assert (each.guess, each.confidence) == (told.label, round(told.confidence, 4))
        with pytest.raises(BadLabels, match="serdab labels review kinds"):
            await measure_drift(link, "kinds", 30)
        answers = [Answer(document_id=each.document_id, label="stolen", told_by="amal") for each in found]
        assert await take_answers(link, embedder, "kinds", answers) == 2
        assert (await train_labels(link, embedder, "kinds")).examples == 2
        await describe_labels(link, embedder, "a single", {"one": "The only one."})
        with pytest.raises(BadLabels, match=r"at least 2, got .'one'.*labels describe 'a single'"):
            await find_doubtful(link, "a single", 5)


async def test_a_set_goes_with_all_that_hangs_on_it_and_documents_keep_their_labels(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await _index(database, embedder, ["card stolen lost thief"])
    await database.pool.execute("update document set label = 'stolen', confidence = 0.9")
    async with labels_link(database) as link:
        for name in ("kinds", "others"):
            await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 20), label_set=name)
            await describe_labels(link, embedder, name, {"stolen": WORDS["stolen"]})
            (doubtful,) = await find_doubtful(link, name, 5)
            answer = Answer(document_id=doubtful.document_id, label="stolen", told_by="amal")
            assert await take_answers(link, embedder, name, [answer]) == 1
    removed = await remove_label_set(database, "kinds")
    assert (removed.examples, removed.descriptions, removed.labels) == (41, 1, 2)
    assert [each.name for each in await list_label_sets(database)] == ["others"]
    for table in ("label_example", "label_description", "label_answer", "label_head"):
        sets = await database.pool.fetch(f"select distinct set_id from {table}")
        assert len(sets) == 1, table
    assert await database.pool.fetchval("select label from document") == "stolen"


async def test_costs_move_the_threshold_and_a_verdict_below_it_asks_for_a_look(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 40))
    async with labels_link(database) as link:
        low = await train_labels(link, embedder, wrong=1, look=1)
        high = await train_labels(link, embedder, wrong=1000, look=1)
        assert low.threshold is not None
        assert high.threshold is not None
        assert 0 <= low.threshold <= high.threshold <= 1
        kept = await train_labels(link, embedder)
        assert (kept.costs.wrong, kept.threshold) == (1000, high.threshold)
        with pytest.raises(BadLabels, match="cost"):
            await train_labels(link, embedder, wrong=-1)
        score = await score_set(link, embedder, "default")
    assert score.accuracy > 0.9
    assert score.accuracy_low <= score.accuracy <= score.accuracy_high
    assert sum(each.rows for each in score.labels) == score.rows == sum(each.rows for each in score.bins)


async def test_what_was_learned_from_a_set_that_nobody_asks_for_leaves_memory(
    database: Database, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = (await embedder.embed(["card stolen"]))[0]
    for name in ("first", "second"):
        await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 40), label_set=name)
    async with Classifier(database) as classifier:
        assert (await classifier.classify("card stolen", vector, "first")).label == "stolen"
        judge = weakref.ref(classifier._known["first"].judge)
        monkeypatch.setattr(classification, "KEPT_S", 0.0)
        assert (await classifier.classify("card stolen", vector, "second")).label == "stolen"
        gc.collect()
        assert judge() is None


async def test_embeddings_of_another_engine_are_not_mixed_and_training_makes_them_anew(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 20))
    vector = (await embedder.embed(["card stolen"]))[0]
    async with Classifier(database) as classifier:
        assert (await classifier.classify("card stolen", vector, made_by="words")).label == "stolen"
        other = await classifier.classify("card stolen", vector, made_by="words/int8")
    assert (other.label, other.abstained) == (None, True)
    assert "serdab labels train default" in other.reasons[0]
    await database.pool.execute("update label_example set made_by = 'another/f32'")
    async with labels_link(database) as link:
        assert (await train_labels(link, embedder)).embedded_again == 40
        assert (await train_labels(link, embedder)).embedded_again == 0


async def test_few_examples_of_another_engine_are_not_compared_until_all_are_embedded_anew(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    text = "thief took my card"
    async with labels_link(database) as link, Classifier(database) as classifier:
        await describe_labels(link, embedder, "kinds", WORDS)
        async with word_engine("other") as (other, _):
            vector = (await other.embed([text]))[0]
            refused = await classifier.classify(text, vector, "kinds", other.made_by)
            assert (refused.label, refused.abstained) == (None, True)
            assert "made by words" in refused.reasons[0]
            assert "serdab labels train kinds" in refused.reasons[0]
            await train_labels(link, other, "kinds")
            async with Classifier(database) as fresh:
                assert (await fresh.classify(text, vector, "kinds", other.made_by)).label == "stolen"


async def test_another_engine_is_measured_anew_and_shown_for_each_language(database: Database, tmp_path: Path) -> None:
    said = {"weather": "مطر شمس غيوم عاصفة رياح ثلوج", "money": "مصرف قرض فاتورة نقود ضريبة راتب"}
    rows = [
        {"text": f"{words.split()[n % 6]} {words.split()[n // 6 % 6]} {n}", "label": label}
        for label, words in said.items()
        for n in range(36)
    ]
    path = tmp_path / "arabic.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    async with (
        labels_link(database) as link,
        word_engine("deaf", deaf=True) as (deaf, _),
        word_engine("multilingual-e5-small") as (hears, _),
    ):
        [before] = (await import_labels(database, deaf, path)).choices
        assert before.script == "Arabic"
        assert before.chosen == "n-grams"
        assert before.accuracy_by_embedding < 0.8 < before.accuracy_by_grams
        report = await train_labels(link, hears)
        assert report.embedded_again == len(rows)
        [after] = report.choices
        assert after.accuracy_by_embedding > 0.95
        assert after.accuracy_by_grams == before.accuracy_by_grams
        [score] = (await score_set(link, hears, "default")).langs
    assert (score.lang, score.chosen) == ("ar", after.chosen)
    assert score.accuracy_by_embedding == after.accuracy_by_embedding
    assert score.accuracy_by_grams == after.accuracy_by_grams


async def test_a_review_asks_for_the_uncertain_ones_and_answers_become_examples(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 20))
    sure, unsure = "card stolen lost thief", "card rate stolen exchange"
    await _index(database, embedder, [sure, unsure])
    async with labels_link(database) as link:
        found = await find_doubtful(link, "default", 5)
        assert [each.source for each in found] == ["d1", "d0"]
        sheet = tmp_path / "sheet.csv"
        write_sheet(sheet, found)
        assert read_answers(sheet, "amal") == []
        with pytest.raises(BadInput, match="can be written"):
            write_sheet(tmp_path / "nowhere" / "sheet.csv", found)
        hostile = [msgspec.structs.replace(found[0], shown='\t=HYPERLINK("x")', source="%1", guess="@work")]
        write_sheet(sheet, hostile)
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            [row] = csv.DictReader(file)
        assert all(row[name].startswith("'") for name in ("text", "source", "guess"))
        sheet.write_text(f"document_id,guess,label\n{row['document_id']},{row['guess']},{row['guess']}\n")
        assert [(answer.guess, answer.label) for answer in read_answers(sheet, "amal")] == [("@work", "@work")]
        sheet.write_bytes(f"document_id;label\n{found[0].document_id};Größe\n".encode("cp1252"))  # By a German one.
        assert [answer.label for answer in read_answers(sheet, "amal")] == ["Größe"]
        answer = Answer(document_id=found[0].document_id, label="rate", told_by="amal")
        assert await take_answers(link, embedder, "default", [answer]) == 1
        skipped = Answer(document_id=found[1].document_id, label=None, told_by="amal")
        assert await take_answers(link, embedder, "default", [skipped]) == 0
        assert await find_doubtful(link, "default", 5) == []
    row = await database.pool.fetchrow("select label, told_by from label_example where told_by <> ''")
    assert (row["label"], row["told_by"]) == ("rate", "amal")
    assert await database.pool.fetchval("select count(*) from label_answer where told_at is not null") == 2
    assert chosen_label("", found[0], ["rate"]) == found[0].guess
    assert chosen_label("2", found[0], []) == found[0].offered[1]
    assert chosen_label("ra", found[0], ["rate", "stolen"]) == "rate"
    assert chosen_label("x", found[0], ["rate"]) is None


async def test_two_who_answer_for_the_same_documents_in_another_order_are_both_heard(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 20))
    await _index(database, embedder, _texts("rate", 3))
    ids = await database.pool.fetch("select document_id from document order by source")
    there = [Answer(document_id=row["document_id"], label="rate", told_by="amal") for row in ids]
    async with labels_link(database) as one, labels_link(database) as another, database.pool.acquire() as other:
        async with other.transaction():  # Both come as far as the document in the middle.
            await other.execute("update label_example set told_by = 'x' where text = $1", _texts("rate", 3)[1])
            tasks = [
                asyncio.create_task(take_answers(link, embedder, "default", answers))
                for link, answers in ((one, there), (another, there[::-1]))
            ]
            while await database.pool.fetchval(_WHO_WAIT) < 2:
                await asyncio.sleep(0.01)
        assert await asyncio.gather(*tasks) == [3, 3]


async def test_an_answer_is_kept_with_its_example_or_not_at_all(database: Database, embedder: Embedder) -> None:
    await _index(database, embedder, ["card stolen"])
    document_id = await database.pool.fetchval("select document_id from document")
    answer = Answer(document_id=document_id, label="rate", told_by="amal")
    async with labels_link(database) as link, database.pool.acquire() as other:
        await describe_labels(link, embedder, "default", WORDS)
        async with other.transaction():
            await other.execute("lock table label_answer in exclusive mode")
            taking = asyncio.create_task(take_answers(link, embedder, "default", [answer]))
            while not await database.pool.fetchval(_WHO_WAIT):
                await asyncio.sleep(0.01)
            await database.pool.execute(_WHO_WAIT.replace("count(*)", "pg_terminate_backend(pid)"))
            with pytest.raises(IndexAway):
                await taking
        assert await database.pool.fetchval("select count(*) from label_example") == 0
        assert await take_answers(link, embedder, "default", [answer]) == 1
        assert await database.pool.fetchval("select count(*) from label_answer") == 1


async def test_documents_that_another_engine_embedded_are_not_judged(
    database: Database, embedder: Embedder, tmp_path: Path
) -> None:
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 40))
    await _index(database, embedder, _texts("stolen", 2), "another/int8")
    async with labels_link(database) as link:
        with pytest.raises(OtherMaker, match=r"another/int8.*serdab labels train default"):
            await find_doubtful(link, "default", 5)


async def test_documents_of_one_label_only_are_a_drift(database: Database, embedder: Embedder, tmp_path: Path) -> None:
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 40))
    async with labels_link(database) as link:
        with pytest.raises(BadLabels, match="at least 30"):
            await measure_drift(link, "default", 7)
        await _index(database, embedder, _texts("stolen", 40))
        found = await measure_drift(link, "default", 7)
    assert (found.verdict, found.documents) == ("strong", 40)
    assert found.labels_psi > 0.25


async def test_what_was_learned_of_a_set_that_became_too_small_meanwhile_is_not_kept(
    database: Database, embedder: Embedder, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    first = "(select min(digest) from label_example where label = $2)"
    change = f"update label_example set label = $1 where digest = {first}"
    await import_labels(database, embedder, _examples(tmp_path / "l.jsonl", 2))
    async with word_engine() as (client, engine), labels_link(database) as slow, labels_link(database) as quick:
        await client.embed(["who made this"])
        await database.pool.execute(change, "rate", "stolen")
        engine.open.clear()
        learning = asyncio.create_task(train_labels(slow, client, "default"))
        await eventually(lambda: client._requests)  # It has looked at the examples.
        await database.pool.execute(change, "third", "rate")
        assert (await train_labels(quick, embedder, "default")).threshold is None
        engine.open.set()
        assert (await learning).threshold is None
    assert await database.pool.fetchval("select count(*) from label_head") == 0


async def test_two_who_describe_the_same_labels_in_another_order_are_both_heard(
    database: Database, embedder: Embedder
) -> None:
    there = dict.fromkeys(("a", "b", "c"), "What it means.")
    again = dict(reversed(there.items()))
    async with labels_link(database) as one, labels_link(database) as another, database.pool.acquire() as other:
        await describe_labels(one, embedder, "kinds", there)
        async with other.transaction():  # Both come as far as the label in the middle.
            await other.execute("update label_description set text = 'x' where label = 'b'")
            tasks = [
                asyncio.create_task(describe_labels(link, embedder, "kinds", said))
                for link, said in ((one, there), (another, again))
            ]
            while await database.pool.fetchval(_WHO_WAIT) < 2:
                await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)


async def test_a_set_that_is_not_there_is_named(database: Database, embedder: Embedder) -> None:
    async with labels_link(database) as link:
        with pytest.raises(BadLabels, match="nowhere"):
            await score_set(link, embedder, "nowhere")
