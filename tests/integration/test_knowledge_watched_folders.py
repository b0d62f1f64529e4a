"""A watched folder: every content once, whatever happens to files and to the process that watches."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from triage_house import working

from serdab.app import Tree
from serdab.core import Settings, child_environment, load_settings
from serdab.engines import Embedder
from serdab.flow import Serdab
from serdab.knowledge import BadSource, FolderSource, Watched, kept_receipts, read_source, watch_sources
from serdab.knowledge.outcomes import Selection, failed_documents
from serdab.knowledge.sources.folders import FolderWatch
from serdab.knowledge.sources.taking import Intake
from serdab.store import Database, load_statements
from word_engine import word_engine


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with word_engine() as (client, _):
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def quick(settings: Settings) -> Settings:
    limits = msgspec.structs.replace(settings.documents, watch_settle_s=0.2, watch_poll_s=0.05)
    return msgspec.structs.replace(settings, documents=limits)


@pytest.fixture
async def client(quick: Settings, database: Database) -> AsyncIterator[Serdab]:
    serdab = Serdab(quick, database)
    await serdab.open()
    yield serdab
    await serdab.close()


@pytest.fixture
async def house(quick: Settings, database: Database, embedder: Embedder) -> AsyncIterator[None]:
    async with working(quick, database, embedder):
        yield


async def _watch(client: Serdab, folder: Path) -> Watched:
    async with asyncio.timeout(60):
        return (await watch_sources(client, [FolderSource(path=folder)], password=lambda _: "", once=True))[0]


async def _sources(database: Database) -> Counter[str]:
    """How often a run was started for each source."""
    rows = await database.pool.fetch("select input from run where workflow like '%triage'")
    return Counter(Path(msgspec.json.decode(row["input"])[0]["source"]).name for row in rows)


def _copies(settings: Settings) -> list[Path]:
    return [path for path in (settings.folder / "inbox").rglob("*") if path.is_file()]


@pytest.mark.usefixtures("house")
async def test_each_file_is_taken_once_and_its_copy_goes_when_all_went_well(
    client: Serdab, database: Database, folder: Path
) -> None:
    (folder / "a.txt").write_text("an invoice of acme")
    (folder / "below").mkdir()
    (folder / "below" / "b.txt").write_text("a letter about the harvest")
    (folder / "lines.jsonl").write_text('{"text": "the first line"}\n{"text": "the second"}\n')
    (folder / ".hidden.txt").write_text("not this one")
    (folder / "half.txt.part").write_text("not yet")
    (folder / "empty.txt").touch()
    (folder / "link.txt").symlink_to(folder / "a.txt")
    assert (await _watch(client, folder)).taken == 3
    assert await _sources(database) == {"a.txt": 1, "b.txt": 1, "lines.jsonl#1": 1, "lines.jsonl#2": 1}
    assert _copies(client.settings) == []
    found = [kept.receipt async for kept in kept_receipts(database, Selection(batch=str(folder)))]
    assert {Path(receipt.source).name for receipt in found} == {"a.txt", "b.txt", "lines.jsonl#1", "lines.jsonl#2"}
    assert next(each for each in found if each.source.endswith("a.txt")).source == str(folder / "a.txt")
    assert (await _watch(client, folder)).taken == 0


async def test_a_copy_that_nobody_noted_goes_when_nobody_reads_it(
    client: Serdab, quick: Settings, database: Database, embedder: Embedder, folder: Path
) -> None:
    # As a watch leaves it that is killed between keeping a copy, starting its run and noting both.
    intake = Intake(client, str(folder))
    await intake.open()
    idle, started = (intake.write(iter([text])) for text in (b"an invoice of acme", b"a letter about the harvest"))
    kept = [intake._keep(each, "a.txt") for each in (idle, started)]
    await intake._start(kept[1], intake._key(started.digest), "a.txt")
    (intake._folder / ("a" * 64)).symlink_to("nowhere")
    (intake._folder / ("b" * 64)).mkdir()
    await intake.open()
    assert all(each.exists() for each in kept)  # They are young: another process may be about to note them.
    for each in (kept[0].parent, kept[1].parent, intake._folder / ("b" * 64)):
        os.utime(each, (1, 1))
    await intake.open()
    assert [each.exists() for each in kept] == [False, True]
    async with working(quick, database, embedder), asyncio.timeout(60):
        while not await database.pool.fetchval("select count(*) from run_outcome where status = 'd'"):
            await asyncio.sleep(0.05)
    await intake.open()
    assert _copies(client.settings) == []


@pytest.mark.usefixtures("house")
async def test_renamed_and_touched_files_are_known_and_changed_ones_are_new(
    client: Serdab, database: Database, folder: Path
) -> None:
    (folder / "a.txt").write_text("an invoice of acme")
    await _watch(client, folder)
    (folder / "a.txt").rename(folder / "renamed.txt")
    os.utime(folder / "renamed.txt", (1, 1))
    (folder / "copy.txt").write_text("an invoice of acme")
    assert (await _watch(client, folder)).taken == 0
    (folder / "copy.txt").write_text("an invoice of acme, corrected")
    assert (await _watch(client, folder)).taken == 1
    (folder / "renamed.txt").unlink()
    assert (await _watch(client, folder)).taken == 0
    places = await database.pool.fetch("select place from watched_place where size > 0")
    assert [Path(row["place"]).name for row in places] == ["copy.txt"]
    assert await _sources(database) == {"a.txt": 1, "copy.txt": 1}


async def test_a_file_that_grows_is_taken_when_it_has_stopped(
    client: Serdab, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed_s = 0.0
    monkeypatch.setattr("serdab.knowledge.sources.folders.time", SimpleNamespace(monotonic=lambda: passed_s))
    watch = FolderWatch(Intake(client, str(folder)), FolderSource(path=folder), 2.0, 1_000_000)
    await watch.open()
    for number in range(12):
        with (folder / "long.txt").open("a") as file:
            file.write(f"line {number}\n")
        assert await watch.look() == 1
        passed_s += 1.9
        assert await watch.look() == 1
        passed_s += 1.9
    assert [await watch.look() for _ in range(2)] == [0, 0]
    assert await _sources(database) == {"long.txt": 1}
    assert [copy.read_text() for copy in _copies(client.settings)] == ["".join(f"line {n}\n" for n in range(12))]


@pytest.mark.usefixtures("house")
async def test_the_copy_of_a_document_that_failed_stays_for_a_redrive(client: Serdab, folder: Path) -> None:
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 not really")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 nor this")
    (folder / "gone.txt").write_text("this one goes at once")
    watched = await _watch(client, folder)
    assert watched.taken == 3
    assert sorted(path.name for path in _copies(client.settings)) == ["broken.docx", "broken.zip"]
    failed = await failed_documents(client, Selection(batch=str(folder)))
    assert {each.source for each in failed} == {str(folder / "broken.docx"), str(folder / "broken.zip")}


@pytest.mark.usefixtures("house")
async def test_a_file_may_go_as_soon_as_it_was_taken(client: Serdab, database: Database, folder: Path) -> None:
    async def go(place: Path) -> None:
        while not await database.pool.fetchval("select count(*) from watched_document"):
            await asyncio.sleep(0.005)
        place.unlink()

    (folder / "a.txt").write_text("an invoice of acme")
    going = asyncio.get_running_loop().create_task(go(folder / "a.txt"))
    await _watch(client, folder)
    await going
    assert len([kept async for kept in kept_receipts(database, Selection())]) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.usefixtures("house")
async def test_a_file_that_cannot_be_read_stops_no_other(client: Serdab, database: Database, folder: Path) -> None:
    (folder / "closed.txt").write_text("closed")
    (folder / "closed.txt").chmod(0)
    (folder / "open.txt").write_text("open")
    assert (await _watch(client, folder)).taken == 1
    (folder / "closed.txt").chmod(0o600)
    assert (await _watch(client, folder)).taken == 1


async def test_nothing_is_lost_or_twice_when_the_watching_process_is_killed_again_and_again(
    quick: Settings, client: Serdab, database: Database, folder: Path, eventually: Callable[..., Any]
) -> None:
    chance = random.Random(3)
    limits = msgspec.structs.replace(quick.documents, watch=str(folder), watch_settle_s=0.0, watch_poll_s=0.02)
    environment = child_environment(msgspec.structs.replace(quick, documents=limits))
    command = [sys.executable, "-m", "serdab.cli", "watch", "--supervisor", str(os.getpid())]
    written = 0
    for _ in range(5):
        child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            before = await database.pool.fetchval("select count(*) from run")
            for _ in range(15):
                (folder / f"{written}.txt").write_text(f"document number {written}")
                written += 1

            async def has_begun(before: int = before) -> bool:
                return bool(await database.pool.fetchval("select count(*) > $1 from run", before))

            await eventually(has_begun)
            await asyncio.sleep(chance.uniform(0.0, 0.1))
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    last = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def all_taken() -> bool:
        return bool(await database.pool.fetchval("select count(*) from watched_document") == written)

    try:
        await eventually(all_taken)
    finally:
        last.terminate()
        last.wait(60)
    assert await _sources(database) == {f"{n}.txt": 1 for n in range(written)}
    assert len(_copies(quick)) == written


@pytest.mark.parametrize(
    "text",
    ["", "imaps://host/INBOX", "imap://user@mail.example.com/INBOX", "ftp://user@host/", "imaps://user@host/INBOX?after=burn",
     "imaps://user@host/INBOX?then=seen", "imaps://user@host:port/"],
)  # fmt: skip
def test_what_cannot_be_watched_is_refused(text: str) -> None:
    with pytest.raises(BadSource):
        read_source(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadSource) as caught:
        read_source("imaps://user:hunter2@host/INBOX")
    assert "hunter2" not in str(caught.value)


def test_secret_settings_are_secret(tmp_path: Path) -> None:
    settings = load_settings([f"home={tmp_path}", "documents.mail_password=hunter2"], environ={})
    done = subprocess.run(
        [sys.executable, "-m", "serdab.cli", "settings"],
        env=child_environment(settings), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "hunter2" not in done.stdout
    assert "documents.mail_password" in done.stdout


def test_a_tree_watches_what_the_settings_name_and_one_for_a_command_does_not(tmp_path: Path) -> None:
    settings = load_settings([f"home={tmp_path}", f"documents.watch={tmp_path}/in"], environ={})
    assert [child.name for child in Tree(settings).watchers] == ["watch"]
    assert Tree(settings, "run-").watchers == []
    assert Tree(load_settings([f"home={tmp_path}"], environ={})).watchers == []


async def _found(database: Database) -> dict[str, str]:
    """The texts that can be found, by the names of their places."""
    rows = await database.pool.fetch(
        "select d.source, c.text from document d join chunk c using (document_id) where d.superseded_by is null"
    )
    return {Path(row["source"]).name: row["text"] for row in rows}


@pytest.mark.usefixtures("house")
async def test_a_file_that_is_what_it_was_before_is_found_as_it_is_now(
    client: Serdab, database: Database, folder: Path
) -> None:
    for text in ("the first text", "the second text", "the first text"):
        (folder / "a.txt").write_text(text)
        assert (await _watch(client, folder)).taken == 1
        assert await _found(database) == {"a.txt": text}


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize("looks_between", [True, False])
async def test_a_scanner_that_writes_the_same_name_again_loses_nothing(
    client: Serdab, database: Database, folder: Path, looks_between: bool
) -> None:
    (folder / "scan.txt").write_text("an invoice of acme")
    (folder / "copy.txt").write_text("a letter about the harvest")
    await _watch(client, folder)
    (folder / "scan.txt").rename(folder / "acme.txt")
    if looks_between:
        await _watch(client, folder)
    (folder / "scan.txt").write_text("the next invoice")
    await _watch(client, folder)
    assert await _found(database) == {
        "acme.txt": "an invoice of acme", "copy.txt": "a letter about the harvest", "scan.txt": "the next invoice",
    }  # fmt: skip
    assert (await _watch(client, folder)).taken == 0
    assert _copies(client.settings) == []


@pytest.mark.usefixtures("house")
async def test_a_name_in_an_old_code_page_is_taken(client: Serdab, database: Database, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"bo\xeete")
    folder.mkdir()
    old = folder / os.fsdecode(b"na\xefve.txt")
    old.write_text("a letter of before")
    assert (await _watch(client, folder)).taken == 1
    assert await _found(database) == {"na\\xefve.txt": "a letter of before"}
    assert _copies(client.settings) == []
    old.unlink()
    assert (await _watch(client, folder)).taken == 0


@pytest.mark.usefixtures("house")
async def test_a_folder_that_cannot_be_listed_stops_no_other_and_loses_nothing(
    client: Serdab, database: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(20):  # Longer than any path may be.
        os.mkdir("d" * 250, dir_fd=deep)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    (folder / "open.txt").write_text("an invoice of acme")
    assert (await _watch(client, folder)).taken == 1
    assert await _found(database) == {"open.txt": "an invoice of acme"}
    told = [record for record in caplog.records if record.name == "serdab.knowledge.sources.folders"]
    assert [record.message for record in told] == ["cannot be listed: File name too long"]


@pytest.mark.usefixtures("house")
async def test_a_file_that_is_too_large_fails_with_its_reason_and_is_not_copied(
    client: Serdab, database: Database, folder: Path
) -> None:
    with (folder / "film.pdf").open("wb") as file:
        os.truncate(file.fileno(), client.settings.documents.most_bytes + 1)
    for _ in range(2):
        assert (await _watch(client, folder)).taken == 0
    (failed,) = await failed_documents(client, Selection(batch=str(folder)))
    assert (failed.source, "raise documents.most_bytes" in failed.reason) == (str(folder / "film.pdf"), True)
    assert _copies(client.settings) == []
    assert await _sources(database) == {"film.pdf": 1}


async def test_a_changed_file_does_not_have_all_the_others_read(database: Database) -> None:
    async with database.pool.acquire() as connection:
        await connection.execute(
            "insert into watched_place (source, place, size, changed_ns, digest) "
            "select 's', n, 1, 1, sha256(n::text::bytea) from generate_series(1, 20000) as n"
        )
        await connection.execute("analyze watched_place")
        sql = load_statements("serdab.knowledge.sources")["take_document"]
        rows = await connection.fetch(f"explain {sql}", "s", b"new", "7", 2, 2, "", [])
    plan = "\n".join(row[0] for row in rows)
    assert "watched_place_digest" in plan
    assert "Seq Scan" not in plan


async def test_a_file_of_lines_is_never_in_memory_as_a_whole(serdab: Serdab, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    text = "word " * 20_000
    with lines.open("w") as file:
        file.writelines(f'{{"id": {number}, "text": "{text}"}}\n' for number in range(1_500))
    state, intake = lines.stat(), Intake(serdab, "lines")
    copied = intake.copy_file(lines, (state.st_size, state.st_mtime_ns))
    assert copied is not None
    tracemalloc.start()
    try:
        await intake.take(copied, str(lines), state.st_mtime_ns, lines.name, str(lines))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"at most {most / 1e6:.0f} MB of {state.st_size / 1e6:.0f}")
    assert most < state.st_size * 0.8


async def test_a_full_disk_ends_a_look_that_is_made_once(client: Serdab, quick: Settings, folder: Path) -> None:
    (folder / "a.txt").write_text("word " * 50_000)
    disk = quick.folder / "inbox"
    disk.mkdir(parents=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if made.returncode:
        pytest.skip("only root may make a small disk")
    try:
        with pytest.raises(ExceptionGroup) as caught:
            await _watch(client, folder)
        assert "No space left" in str(caught.value.exceptions[0])
        assert _copies(quick) == []
    finally:
        subprocess.run(["umount", disk], check=True)
