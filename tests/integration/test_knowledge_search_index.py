"""The index in a real database: adding, finding what is like something, answering questions."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import numpy
import pytest

from serdab.core import BadInput
from serdab.engines import Embedder
from serdab.knowledge import Entry, Filters, Index, Passage, document_id_of, search_documents
from serdab.knowledge import index as index_module
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import IndexAway
from serdab.knowledge.index import Outcome
from serdab.knowledge.vocabulary import Vocabulary
from serdab.store import Database
from word_engine import word_engine


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with word_engine() as (client, _):
        yield client


@pytest.fixture
async def index(database: Database) -> AsyncIterator[Index]:
    async with Index(database) as opened:
        yield opened


def _entry(source: str, *texts: str, lang: str = "en") -> Entry:
    digest = hashlib.sha256("".join(texts).encode()).digest()
    starts = [sum(map(len, texts[:at])) for at in range(len(texts))]
    return Entry(
        document_id=document_id_of(source, digest),
        digest=digest,
        source=source,
        title=texts[0][:30],
        media_type="text/plain",
        lang=lang,
        doc_type="",
        characters=sum(map(len, texts)),
        passages=[Passage(start=at, end=at + len(text), text=text) for at, text in zip(starts, texts, strict=True)],
    )


async def _add(index: Index, embedder: Embedder, *entries: Entry) -> list[bool]:
    async def one(entry: Entry) -> bool:
        return await index.add(entry, await embedder.embed([passage.text for passage in entry.passages]))

    return list(await asyncio.gather(*map(one, entries)))


def test_the_id_of_a_document_is_made_from_its_source_and_content() -> None:
    digest = hashlib.sha256(b"x").digest()
    first = document_id_of("a.txt", digest)
    assert first == document_id_of("a.txt", digest)
    assert first != document_id_of("b.txt", digest)
    assert first.version == 8


async def test_adding_a_document_again_changes_nothing(index: Index, embedder: Embedder) -> None:
    entry = _entry("a.txt", "an invoice of acme", "second page of it")
    assert await _add(index, embedder, entry, entry) == [True, True]
    assert await _add(index, embedder, entry) == [False]
    assert await index.count() == 1
    found = await index.find_similar((await embedder.embed(["invoice acme"]))[0], "invoice acme")
    assert [each.document_id for each in found] == [entry.document_id]


async def test_similar_documents_come_by_meaning_and_by_words_and_never_itself(
    index: Index, embedder: Embedder
) -> None:
    entries = [
        _entry("1", "invoice INV-20417 from acme for steel pipes"),
        _entry("2", "invoice from acme for steel tubes and pipes"),
        _entry("3", "reminder: INV-20417 is still open, kindly settle"),
        _entry("4", "minutes of the garden club"),
    ]
    await _add(index, embedder, *entries)
    text = entries[0].passages[0].text
    vector = (await embedder.embed([text]))[0]
    found = await index.find_similar(vector, text, 2, entries[0].document_id)
    assert {each.source for each in found} == {"2", "3"}
    assert all(0 < each.similarity <= 1 for each in found)
    assert (await index.find_similar(vector, text, 1))[0].source == "1"


async def test_the_nearest_documents_come_each_once_however_many_passages_they_have(
    index: Index, embedder: Embedder
) -> None:
    await _add(index, embedder, _entry("long", *(f"pumps for the plant, page {n}" for n in range(40))))
    await _add(index, embedder, *(_entry(f"other{n}", f"garden club {n}") for n in range(5)))
    vector = (await embedder.embed(["pumps for the plant, page 3"]))[0]
    found = await index.find_nearest(vector, 6)
    assert found[0].source == "long"
    assert found[0].snippet == "pumps for the plant, page 3"
    assert {each.source for each in found} == {"long", *(f"other{n}" for n in range(5))}


async def test_many_at_once_are_answered_each_with_its_own(index: Index, embedder: Embedder) -> None:
    entries = [_entry(str(n), f"report{n} about subject{n} and matter{n}") for n in range(300)]
    assert all(await _add(index, embedder, *entries))
    vectors = await embedder.embed([entry.passages[0].text for entry in entries])

    async def nearest(n: int) -> str:
        found = await index.find_similar(vectors[n], entries[n].passages[0].text, 3)
        return found[0].source

    assert await asyncio.gather(*map(nearest, range(300))) == [str(n) for n in range(300)]


async def test_words_that_most_documents_have_are_not_looked_for(
    index: Index, embedder: Embedder, database: Database
) -> None:
    await _add(index, embedder, *(_entry(str(n), f"ordinary communication about subject{n}") for n in range(600)))
    await database.pool.execute("analyze chunk")
    vector = (await embedder.embed(["nothing like them"]))[0]
    text = "ordinary communication about subject599"
    await index.find_similar(vector, text, 1)
    assert "599" in {each.source for each in await index.find_similar(vector, text, 2)}


@pytest.mark.parametrize("filters", [None, Filters(langs=["en"])])
async def test_the_best_document_by_words_is_found_among_more_than_are_ranked(
    index: Index, embedder: Embedder, database: Database, monkeypatch: pytest.MonkeyPatch, filters: Filters | None
) -> None:
    monkeypatch.setattr(index_module, "RANKED_ASKED", 40)
    # Each word is in 17 letters; the document with all five was written last and means something else.
    await _add(index, embedder, *(_entry(str(n), f"letter{n} about topic{n % 60}") for n in range(1_000)))
    await _add(index, embedder, *(_entry(f"garden{n}", f"garden club {n}") for n in range(30)))
    question = " ".join(f"topic{n}" for n in range(5))
    await index.add(_entry("all", f"we discussed {question}"), await embedder.embed(["unlike them"]))
    await database.pool.execute("analyze chunk")
    garden = (await embedder.embed(["garden club"]))[0]
    assert "all" in [each.source for each in await index.search(question, garden, 3, filters)]


@pytest.mark.parametrize("filters", [None, Filters(langs=["en"])])
async def test_who_asks_for_a_number_gets_the_document_with_it_first_and_its_passage(
    index: Index, embedder: Embedder, filters: Filters | None
) -> None:
    # No statistics yet: WX is as rare as 00133 for all that is known, and a hundred others mean the same.
    await _add(index, embedder, *(_entry(str(n), f"order of valves, reference WX-{n:05}") for n in range(100)))
    order = (await embedder.embed(["order of valves, reference WX-00001"]))[0]
    mail = _entry("mail", "please note WX-00133", "order of valves, a list of parts")
    await index.add(mail, numpy.vstack([(await embedder.embed(["unlike them"]))[0], order]))
    first, *_ = await index.search("WX-00133", order, 3, filters)
    assert (first.source, [first.snippet[start:end] for start, end in first.marks]) == ("mail", ["WX", "00133"])


async def test_words_tell_as_much_as_they_are_rare(index: Index, embedder: Embedder, database: Database) -> None:
    same = await embedder.embed(["by meaning all are one"])
    texts = {f"invoice{n}": f"invoice payment overdue page{n}" for n in range(60)}
    texts |= {f"garden{n}": f"garden club {n}" for n in range(30)} | {"rare": "heliotrope in june"}
    for name, text in texts.items():
        await index.add(_entry(name, text), same)
    await database.pool.execute("analyze chunk")
    found = await index.search("invoice payment overdue heliotrope", same[0], 3)
    assert [each.source.rstrip("0123456789") for each in found] == ["rare", "invoice", "invoice"]


async def test_one_rare_word_among_common_ones_tells_more_than_they_do(
    index: Index, embedder: Embedder, database: Database
) -> None:
    same = await embedder.embed(["by meaning all are one"])
    # More words than the statistics hold: of the rarest they know nothing.
    texts = {f"page{n}": f"subject{n} verb{n} object{n} we" for n in range(600)}
    texts |= {f"asked{n}": "what do we know about it" for n in range(40)} | {"rare": "heliotrope in june"}
    await asyncio.gather(*(index.add(_entry(name, text), same) for name, text in texts.items()))
    await database.pool.execute("analyze chunk")
    first, *_ = await index.search("what do we know about heliotrope", same[0], 3)
    assert first.source == "rare"


async def test_words_tell_as_much_as_they_are_rare_when_the_statistics_lag_behind(
    index: Index, embedder: Embedder, database: Database
) -> None:
    same = await embedder.embed(["by meaning all are one"])
    await asyncio.gather(*(index.add(_entry(f"early{n}", f"early {n}"), same) for n in range(5)))
    await database.pool.execute("analyze chunk")
    await asyncio.gather(*(index.add(_entry(f"late{n}", f"overdue payment page{n}"), same) for n in range(300)))
    await index.add(_entry("rare", "heliotrope in june"), same)
    first, *_ = await index.search("overdue payment heliotrope", same[0], 3)
    assert first.source == "rare"


async def test_a_number_in_a_sentence_is_what_is_sought(index: Index, embedder: Embedder) -> None:
    likely = await embedder.embed(["where is the document with the number"])
    for n in range(30):
        await index.add(_entry(str(n), f"the document with the number {n} is where it was"), likely)
    await index.add(_entry("sought", "delivery note 20417, twelve valves"), await embedder.embed(["unlike them"]))
    first, *_ = await index.search("where is the document with the number 20417?", likely[0], 3)
    assert first.source == "sought"


async def test_one_document_that_cannot_be_stored_does_not_fail_its_neighbours(
    index: Index, embedder: Embedder
) -> None:
    good, bad = _entry("good", "a good one"), _entry("bad", "a bad one")
    vector = await embedder.embed(["a good one"])
    results = await asyncio.gather(
        index.add(good, vector), index.add(bad, numpy.ones((1, 3), numpy.float32)), return_exceptions=True
    )
    assert results[0] is True
    assert "384 dimensions" in str(results[1])
    assert await index.count() == 1


async def test_text_that_the_database_cannot_hold_is_made_harmless(index: Index, embedder: Embedder) -> None:
    entry = _entry("odd\0name", "with \0 nul and half \ud800 pair".encode("utf-8", "replace").decode())
    assert await _add(index, embedder, entry) == [True]


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("invoices of ACME?", "en"),
        ("فاتوره الشركه", "ar"),
        ("机器", "zh"),
        ("Überweisung", "de"),
        ("4711", "number"),
    ],
)
async def test_a_question_is_answered_in_its_language(
    index: Index, embedder: Embedder, question: str, source: str
) -> None:
    await _add(
        index,
        embedder,
        _entry("en", "invoices of acme for march"),
        _entry("ar", "هذه فَاتُورَةُ الشَّرِكَةِ لشهر مارس", lang="ar"),
        _entry("zh", "我们研究机器学习的方法", lang="zh"),
        _entry("de", "die überweisung ist heute eingegangen"),
        _entry("number", "order 4711 was shipped"),
    )
    found = await search_documents(index, embedder, question, 2)
    assert found[0].source == source


@pytest.mark.parametrize(
    ("question", "source"),
    [("invoice", "en"), ("Rechnung", "de"), ("factures", "fr"), ("الفواتير", "ar"), ("شركات", "ar"), ("счетов", "ru"),
     ("猫", "zh"), ("器", "ja"), ("ışıklı", "tr"), ("IŞIKLI", "tr"), ("isparta", "tr"), ("ığdır", "tr"), ("4711", "fa"),
     ("٤٧١١", "fa"), ("החשבוניות", "he")],
)  # fmt: skip
async def test_another_form_of_a_word_is_found_and_marked(
    index: Index, database: Database, question: str, source: str
) -> None:
    texts = {
        "en": "the invoices of march", "de": "die Rechnungen vom März", "fr": "la facture de mars",
        "ar": "فواتير الشركة", "ru": "оплатите счета до марта", "zh": "我有一只小猫", "ja": "楽器を買う",
        "tr": "IŞIKLI mahallesi, ısparta ve Iğdır", "fa": "شماره ۴۷۱۱", "he": "לפי חשבונית",
    }  # fmt: skip
    # All mean the same: only words can tell them apart.
    same = numpy.ones((1, 384), numpy.float32) / numpy.sqrt(numpy.float32(384))
    await asyncio.gather(*(index.add(_entry(lang, text, lang=lang), same) for lang, text in texts.items()))
    found = (await index.search(question, same[0], 10))[0]
    assert found.source == source
    assert found.marks


async def test_the_same_content_in_several_places_is_found_once_with_all_its_places(
    index: Index, embedder: Embedder
) -> None:
    text = "invoice of acme for pumps"
    for source in ("in/a.txt", "copies/a.txt", "old/a.txt"):
        await _add(index, embedder, _entry(source, text))
    await _add(index, embedder, _entry("in/b.txt", "invoice of zenith for pumps"))
    await _add(index, embedder, _entry("old/a.txt", "minutes of the club"))
    vector = (await embedder.embed([text]))[0]
    for found in (
        await search_documents(index, embedder, "acme invoice"),
        await search_documents(index, embedder, "acme invoice", 10, Filters(langs=["en"])),
        await index.find_similar(vector, text),
    ):
        first, *others = found
        assert {first.source, *first.places} == {"in/a.txt", "copies/a.txt"}
        assert {each.source for each in others} == {"in/b.txt", "old/a.txt"}
    assert len(await index.find_nearest(vector)) == 3
    only = (await search_documents(index, embedder, "acme invoice", 10, Filters(source="copies/")))[0]
    assert (only.source, only.places) == ("copies/a.txt", ["in/a.txt"])


async def test_documents_that_were_indexed_without_stems_are_found_by_their_words(
    index: Index, database: Database, embedder: Embedder
) -> None:
    await _add(index, embedder, _entry("old", "invoices of march"), _entry("other", "minutes of the club"))
    await database.pool.execute("update chunk set words = to_tsvector('simple', text)")
    assert (await search_documents(index, embedder, "invoices"))[0].source == "old"


async def test_the_label_that_was_found_is_shown(index: Index, embedder: Embedder) -> None:
    entry = _entry("a", "an invoice of acme")
    await _add(index, embedder, entry)
    found = Outcome(
        document_id=entry.document_id,
        run_id=UUID(int=2),
        batch="",
        label="invoice",
        confidence=0.9,
        facts=[],
        body=b"{}",
    )
    await asyncio.gather(*(index.note(found) for _ in range(3)))
    assert (await search_documents(index, embedder, "invoice"))[0].label == "invoice"
    await index.note(msgspec.structs.replace(found, document_id=UUID(int=1)))  # Of a document that went meanwhile.


@pytest.mark.parametrize(("question", "k"), [("", 5), (" \n", 5), ("x", 0), ("x", 26)])
async def test_a_question_that_is_none_is_refused(index: Index, embedder: Embedder, question: str, k: int) -> None:
    with pytest.raises(BadInput):
        await search_documents(index, embedder, question, k)


async def test_an_empty_index_and_a_question_of_signs_find_nothing(index: Index, embedder: Embedder) -> None:
    assert list(await search_documents(index, embedder, "anything")) == []
    assert list(await search_documents(index, embedder, "?!")) == []


async def test_a_lost_connection_is_told_and_the_next_call_works(
    index: Index, embedder: Embedder, database: Database
) -> None:
    await _add(index, embedder, _entry("a", "before"))
    await database.pool.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'serdab index writing'"
    )
    for _ in range(2):
        try:
            await _add(index, embedder, _entry("b", "after"))
            break
        except IndexAway:
            continue
    assert await index.count() == 2


async def test_a_closed_index_says_so(database: Database, embedder: Embedder) -> None:
    index = Index(database)
    await index.close()
    with pytest.raises(IndexAway, match="after close"):
        await _add(index, embedder, _entry("a", "late"))
    await index.close()


async def test_what_could_not_be_learned_of_words_is_learned_for_the_next_question(
    index: Index, embedder: Embedder, database: Database, eventually: Callable[..., Any]
) -> None:
    await _add(index, embedder, _entry("a.txt", "two invoices"))
    link, ask = Link(database, "words"), partial(Vocabulary().ask, question="invoices", most_chunks=10)
    async with database.pool.acquire() as other, other.transaction():
        await other.execute("lock table chunk in access exclusive mode")
        asking = asyncio.create_task(link.use(ask))
        end = "select pg_terminate_backend(pid) from pg_stat_activity where pg_blocking_pids(pid) <> '{}'"
        await eventually(lambda: database.pool.fetchval(end))
        with pytest.raises(IndexAway):
            await asking
    assert "invoic" in (await link.use(ask)).stems
    await link.close()
