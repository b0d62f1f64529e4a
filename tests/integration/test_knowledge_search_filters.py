"""Search among documents that meet filters, and near-duplicates, in a real database."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import numpy
import pytest

from serdab.core import BadInput, Settings, load_settings
from serdab.engines import Embedder
from serdab.flow.isolation import OutOfMemory, RemoteFailure
from serdab.knowledge import (
    Condition,
    Entry,
    Filters,
    Index,
    Passage,
    document_id_of,
    find_alike_documents,
    search_documents,
)
from serdab.knowledge import filtering as filtering_module
from serdab.knowledge.facts import facts_of
from serdab.knowledge.index import Outcome
from serdab.knowledge.vectors import speak_vectors, to_database
from serdab.knowledge.words import fold, plain_form
from serdab.store import Database, all_migrations, load_statements
from word_engine import word_engine

LETTER = (
    "Dear customer, we write to you about the delivery of twelve pumps to the plant in the north, which left our "
    "house on Monday and should reach you by the end of the week; please have two people ready to unload them."
)


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with word_engine() as (client, _):
        yield client


@pytest.fixture
async def index(database: Database) -> AsyncIterator[Index]:
    async with Index(database) as opened:
        yield opened


async def _put(
    index: Index,
    embedder: Embedder,
    source: str,
    text: str,
    *,
    lang: str = "en",
    doc_type: str = "",
    label: str | None = None,
    values: dict[str, str | list[str] | None] | None = None,
    read_as: str = "",
) -> UUID:
    digest = hashlib.sha256(text.encode()).digest()
    key = document_id_of(source, digest)
    entry = Entry(
        document_id=key, digest=digest, source=source, title=source, media_type="text/plain", lang=lang,
        doc_type=doc_type, characters=len(text), passages=[Passage(start=0, end=len(text), text=text)],
    )  # fmt: skip
    await index.add(entry, await embedder.embed([text]))
    await index.note(
        Outcome(
            document_id=key, run_id=UUID(int=7), batch="b", label=label, confidence=0.9, body=b"{}",
            facts=facts_of(values or {}), read_as=read_as,
        )
    )  # fmt: skip
    return key


async def _sources(index: Index, embedder: Embedder, question: str, filters: Filters) -> set[str]:
    return {found.source for found in await search_documents(index, embedder, question, 10, filters)}


async def _invoices(index: Index, embedder: Embedder) -> None:
    rows: list[tuple[str, str, str, str, dict[str, str | list[str] | None]]] = [
        ("/in/a", "en", "invoice", "invoice", {"total": "EUR 120.50", "date": "2026-01-31", "company": "Acme Ltd."}),
        ("/in/b", "de", "invoice", "invoice", {"total": "80.00", "date": "2026-03-01", "company": "Bäcker GmbH"}),
        ("/out/c", "en", "order", "order", {"total": "1000", "date": None, "party": ["Acme", "Zenith"]}),
    ]
    for source, lang, doc_type, label, values in rows:
        text = f"invoice for pumps {source}"
        await _put(index, embedder, source, text, lang=lang, doc_type=doc_type, label=label, values=values)


@pytest.mark.parametrize(
    ("filters", "sources"),
    [
        (Filters(langs=["de"]), {"/in/b"}),
        (Filters(langs=["de", "en"]), {"/in/a", "/in/b", "/out/c"}),
        (Filters(doc_types=["order"]), {"/out/c"}),
        (Filters(labels=["invoice"], langs=["en"]), {"/in/a"}),
        (Filters(source="/in/"), {"/in/a", "/in/b"}),
        (Filters(since=datetime.date(2026, 2, 1), until=datetime.date(2026, 3, 1)), {"/in/b"}),
        (Filters(until=datetime.date(2026, 1, 31)), {"/in/a"}),
        (Filters(conditions=[Condition.read("total>=100")]), {"/in/a", "/out/c"}),
        (Filters(conditions=[Condition.read("total > 120.50")]), {"/out/c"}),
        (Filters(conditions=[Condition.read("total<120.5")]), {"/in/b"}),
        (Filters(conditions=[Condition.read("total=120.5")]), {"/in/a"}),
        (Filters(conditions=[Condition.read("date<=2026-01-31")]), {"/in/a"}),
        (Filters(conditions=[Condition.read("date>2026-01-31")]), {"/in/b"}),
        (Filters(conditions=[Condition.read("company=ACME LTD")]), {"/in/a"}),
        (Filters(conditions=[Condition.read("company=backer gmbh")]), {"/in/b"}),
        (Filters(conditions=[Condition.read("party=zenith"), Condition.read("total>1")]), {"/out/c"}),
        (Filters(conditions=[Condition.read("party=zenith"), Condition.read("total<1")]), set()),
        (Filters(labels=["nothing"]), set()),
    ],
    ids=str,
)
@pytest.mark.parametrize("most_exact", [2_000, 0], ids=["compared exactly", "through the index"])
async def test_only_documents_that_meet_all_filters_are_found(
    index: Index,
    embedder: Embedder,
    filters: Filters,
    sources: set[str],
    most_exact: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filtering_module, "MOST_EXACT", most_exact)
    await _invoices(index, embedder)
    assert await _sources(index, embedder, "invoice for pumps", filters) == sources


async def test_the_words_that_filters_ask_for_are_known_by_looks_into_the_index_alone(
    index: Index, embedder: Embedder, database: Database
) -> None:
    assert await index.known_words() == {"field": [], "label": [], "language": [], "type": []}
    await _invoices(index, embedder)
    await _put(index, embedder, "/in/d", "a slip", read_as="receipt")
    assert await index.known_words() == {
        "field": ["company", "date", "party", "total"], "label": ["invoice", "order"], "language": ["de", "en"],
        "type": ["invoice", "order", "receipt"],
    }  # fmt: skip
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.execute(load_statements("serdab.knowledge")["tune_asking"].replace("set ", "set local "))
        for name in ("known_values", "known_labels", "known_languages"):
            plan = await connection.fetch("explain " + load_statements("serdab.knowledge")[name])
            assert "Seq Scan" not in "".join(row[0] for row in plan)


async def test_a_filter_that_few_meet_loses_none_of_them(
    index: Index, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtering_module, "MOST_EXACT", 0)
    await asyncio.gather(
        *(
            _put(index, embedder, f"n{n}", f"report about pumps {n}", lang="xx" if n % 60 == 7 else "en")
            for n in range(600)
        )
    )
    vector = (await embedder.embed(["report about pumps"]))[0]
    found = await index.search("report about pumps", vector, 10, Filters(langs=["xx"]))
    assert {each.source for each in found} == {f"n{n}" for n in range(600) if n % 60 == 7}


@pytest.mark.parametrize("filters", [Filters(langs=["en"]), Filters(conditions=[Condition.read("total>=1")])], ids=str)
async def test_the_planner_sees_through_the_filters_and_walks_the_index(
    database: Database, index: Index, embedder: Embedder, filters: Filters
) -> None:
    await _invoices(index, embedder)
    statements = load_statements("serdab.knowledge", "filtered.sql")
    connection = await database.connect("explaining", jit="off")
    try:
        await speak_vectors(connection)
        async with connection.transaction():
            await connection.execute("set local enable_seqscan = off")
            await connection.execute(statements["tune_filtered"])
            vector = to_database((await embedder.embed(["pumps"]))[0])
            sql = statements["nearest_meeting"].partition("\n")[2]
            rows = await connection.fetch(f"explain {sql}", vector, *filters.arguments(), 25)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan using chunk_embedding" in plan
    assert "documents_meeting" not in plan


async def test_an_older_pgvector_is_asked_in_its_own_way(database: Database) -> None:
    statements = load_statements("serdab.knowledge", "filtered.sql")
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.execute(statements["tune_filtered_before_0_8"])
        assert await connection.fetchval("show hnsw.ef_search") == "1000"


def test_filters_that_are_all_empty_filter_nothing() -> None:
    assert not Filters(doc_types=[], labels=(), langs=[], source="", conditions=[])
    assert Filters(source="/in")


@pytest.mark.parametrize("text", ["total", ">3", "total>soon", "company<Acme", "to tal=3", "=", "a" * 200 + "=1"])
def test_a_condition_that_cannot_be_compared_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Condition.read(text)


async def test_too_many_conditions_are_refused(index: Index, embedder: Embedder) -> None:
    filters = Filters(conditions=[Condition.read(f"a{n}=1") for n in range(17)])
    with pytest.raises(BadInput, match="at most 16"):
        await search_documents(index, embedder, "anything", 5, filters)


async def test_what_is_noted_again_replaces_what_was_noted(index: Index, embedder: Embedder) -> None:
    for total in ("10", "20"):
        await _put(index, embedder, "a", "invoice", label="invoice", values={"total": total, "date": "2026-01-01"})
    assert await _sources(index, embedder, "invoice", Filters(conditions=[Condition.read("total=10")])) == set()
    assert await _sources(index, embedder, "invoice", Filters(conditions=[Condition.read("total=20")])) == {"a"}


async def test_the_words_of_the_question_are_marked(index: Index, embedder: Embedder) -> None:
    await _put(index, embedder, "a", "We owe the Café 12 pumps.")
    found = (await search_documents(index, embedder, "cafe PUMPS"))[0]
    assert [found.snippet[start:end] for start, end in found.marks] == ["Café", "pumps"]


async def test_copies_are_found_by_a_file_and_as_groups(
    index: Index, embedder: Embedder, settings: Settings, tmp_path: Path
) -> None:
    changed = LETTER.replace("twelve", "fourteen")
    same = await _put(index, embedder, "one", LETTER)
    copy = await _put(index, embedder, "two", LETTER)
    near = await _put(index, embedder, "three", changed + " Many thanks.")
    other = await _put(
        index, embedder, "four", "Minutes of the garden club: the roses are to be cut before winter comes."
    )
    file = tmp_path / os.fsdecode(b"letter-\xef.txt")  # Its name is no UTF-8.
    file.write_text(LETTER)
    alike = await find_alike_documents(index, embedder, file, settings)
    assert {each.document_id for each in alike[:2]} == {same, copy}
    assert alike[2].document_id == near
    assert [each.likeness for each in alike[:2]] == [1.0, 1.0]
    assert 0.5 < alike[2].likeness < 1
    groups = await index.find_duplicates()
    assert [[each.document_id for each in group.documents] for group in groups] == [[same, copy, near]]
    assert other not in {each.document_id for group in groups for each in group.documents}


@pytest.mark.parametrize("text", ["我有一只小猫，用AI写信。", "دفعت الشركة الفواتير والرسوم كلها"])
async def test_a_copy_in_any_script_is_wholly_the_same(
    index: Index, embedder: Embedder, settings: Settings, tmp_path: Path, text: str
) -> None:
    await _put(index, embedder, "one", text)
    (tmp_path / "one.txt").write_text(text)
    assert [each.likeness for each in await find_alike_documents(index, embedder, tmp_path / "one.txt", settings)] == [
        1
    ]


async def test_a_file_that_wants_too_much_is_refused_and_the_searching_process_does_not_read_it(
    index: Index, embedder: Embedder, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.csv"
    bomb.write_bytes(b"a,b,c,d,e,f,g,h\n" * 3_000_000)
    small = load_settings([f"home={tmp_path}", "documents.read_memory_mb=64"], environ={})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(OutOfMemory, match="at most"):
        await find_alike_documents(index, embedder, bomb, small)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10
    with pytest.raises(RemoteFailure, match="absent"):
        await find_alike_documents(index, embedder, tmp_path / "absent.txt", small)


async def test_texts_of_one_form_with_other_words_are_no_copies(index: Index, embedder: Embedder) -> None:
    words = [
        f"{front}{back}" for front in ("alpha", "bravo", "delta", "gamma") for back in ("one", "two", "six", "ten")
    ]
    random = numpy.random.default_rng(5)
    await asyncio.gather(*(_put(index, embedder, f"s{n}", " ".join(random.choice(words, 30))) for n in range(60)))
    assert list(await index.find_duplicates()) == []


async def test_many_copies_are_one_group(index: Index, embedder: Embedder) -> None:
    await asyncio.gather(*(_put(index, embedder, f"c{n}", f"{LETTER} {n}") for n in range(120)))
    groups = await index.find_duplicates()
    assert [len(group.documents) for group in groups] == [120]


async def test_a_document_is_found_by_the_type_it_was_read_as_as_by_a_given_one(
    index: Index, embedder: Embedder, database: Database
) -> None:
    vector = await embedder.embed(["pumps"])
    for number, (given, read_as) in enumerate([("", "invoice"), ("bill", "invoice"), ("invoice", ""), ("", "")]):
        key = UUID(int=number + 1)
        text = f"pumps {number}"
        entry = Entry(
            document_id=key, digest=bytes([number]) * 32, source=f"s{number}", title="", media_type="text/plain",
            lang="en", doc_type=given, characters=len(text), passages=[Passage(start=0, end=len(text), text=text)],
        )  # fmt: skip
        await index.add(entry, vector)
        quoted = r"\"record\":{\"schema\":\"order\""
        body = f'{{"source":"{quoted}","record":{{"schema":"{read_as}","values":[]}}}}'
        outcome = Outcome(
            document_id=key, run_id=UUID(int=7), batch="", label=None, confidence=0, facts=[], read_as=read_as,
            body=(body if read_as else '{"record":null}').encode(),
        )  # fmt: skip
        await index.note(outcome)
    filters = Filters(doc_types=["invoice"])
    assert await _sources(index, embedder, "pumps", filters) == {"s0", "s1", "s2"}
    found = {each.source: each for each in await search_documents(index, embedder, "pumps", 10, Filters())}
    assert (found["s1"].doc_type, found["s1"].read_as) == ("bill", "invoice")
    # What an older version noted: only the receipts know it, and the migration takes it from there.
    await database.pool.execute("update document set read_as = ''")
    assert await _sources(index, embedder, "pumps", filters) == {"s2"}
    migration = next(each for each in all_migrations() if "read_as" in each.name)
    await database.pool.execute(
        migration.sql[migration.sql.index("update ") : migration.sql.index("\n-- The documents")]
    )
    assert await _sources(index, embedder, "pumps", filters) == {"s0", "s1", "s2"}
    assert await _sources(index, embedder, "pumps", Filters(doc_types=["order"])) == set()


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Straße", "STRASSE"), ("Café", "cafe"), ("ISPARTA", "ısparta"), ("ığdır", "IĞDIR"), ("Łódź", "Lodz"),
        ("Ærø", "AERO"), ("شركة أحمد", "شركه احمد"), ("مؤسسة", "موسسه"), ("کتاب", "كتاب"), ("INV-٠٠١", "inv-001"),
        ("120.50", "١٢٠.٥"), ("2026-01-31", "٢٠٢٦-٠١-٣١"), ("２０２６", "2026"),
    ],
)  # fmt: skip
async def test_a_value_is_met_as_people_type_it(
    database: Database, index: Index, embedder: Embedder, stored: str, asked: str
) -> None:
    await _put(index, embedder, "a", "pumps", values={"x": stored})
    await _put(index, embedder, "b", "pumps too", values={"x": "another"})
    for one in (stored, asked):
        assert await _sources(index, embedder, "pumps", Filters(conditions=[Condition.read(f"x={one}")])) == {"a"}
    # As an older version noted it, and as the migration puts it right.
    await database.pool.execute("update document_fact set folded = $1 where value = $2", fold(stored), stored)
    await database.pool.execute(next(each for each in all_migrations() if "plain_facts" in each.name).sql)
    for one in (stored, asked):
        assert await _sources(index, embedder, "pumps", Filters(conditions=[Condition.read(f"x={one}")])) == {"a"}


async def test_the_migration_puts_every_letter_as_it_is_put_now(database: Database) -> None:
    letters = [letter for letter in map(chr, range(0x80, 0x10000)) if plain_form(letter) != letter]
    await database.pool.execute(
        "insert into document_fact (document_id, name, value, folded) select $1, 'x', l, 'a' || l || 'b' || l "
        "from unnest($2::text[]) as l",
        UUID(int=1), letters,
    )  # fmt: skip
    await database.pool.execute(next(each for each in all_migrations() if "plain_facts" in each.name).sql)
    rows = await database.pool.fetch("select value, folded from document_fact")
    assert {row["value"]: row["folded"] for row in rows} == {each: plain_form(f"a{each}b{each}") for each in letters}
