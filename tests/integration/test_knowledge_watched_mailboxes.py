"""A watched mailbox at a real IMAP server: every mail once, whatever happens to the server and the connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from triage_house import working

from serdab.core import Settings
from serdab.engines import Embedder
from serdab.flow import Serdab
from serdab.guard import Denied
from serdab.knowledge import MailboxRefused, MailboxSource, Watched, kept_receipts, read_source, watch_sources
from serdab.knowledge.outcomes import Selection, failed_documents
from serdab.knowledge.sources.errors import MailboxAway
from serdab.knowledge.sources.imap import ImapFolder
from serdab.knowledge.sources.mailboxes import MailboxWatch
from serdab.knowledge.sources.taking import Intake
from serdab.store import Database
from word_engine import word_engine

USER, PASSWORD = "reader", "hunter2-hunter2"


@dataclass
class MailServer:
    """A server in a process of its own; started again it has another UIDVALIDITY and no mails."""

    port: int = 0
    #: Bound and never listening: nobody else gets the port, whether the server lives or not.
    held: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None
    mails: list[bytes] = field(default_factory=list)

    async def start(self) -> None:
        if self.held is None:
            self.held = socket.socket()
            self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # The server may bind it beside us.
            self.held.bind(("127.0.0.1", 0))
            self.port = self.held.getsockname()[1]
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--no-tls", "--no-service", "admin"]
        words += ["--no-service", "managesieve", "dict", "--demo-user", USER, "--demo-password", PASSWORD]
        code = "from pymap.main import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    return
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def address(self) -> str:
        return f"imap://{USER}@127.0.0.1:{self.port}/INBOX"

    @contextlib.contextmanager
    def opened(self) -> Any:
        from imap_tools import MailBoxUnencrypted

        with MailBoxUnencrypted("127.0.0.1", self.port).login(USER, PASSWORD) as box:
            yield box

    def put(self, *mails: bytes) -> None:
        with self.opened() as box:
            for mail in mails:
                box.append(mail, "INBOX")


def _mail(number: int) -> bytes:
    return (
        f"From: a@example.com\r\nTo: b@example.com\r\nSubject: order {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\n\r\nwe order {number} pumps\r\n"
    ).encode()


@pytest.fixture
async def post() -> AsyncIterator[MailServer]:
    made = MailServer()
    try:
        await made.start()
        yield made
    finally:
        made.kill()
        if made.held is not None:
            made.held.close()


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[Embedder]:
    async with word_engine() as (client, _):
        yield client


@pytest.fixture
def quick(settings: Settings, post: MailServer) -> Settings:
    limits = msgspec.structs.replace(settings.documents, watch_poll_s=0.2)
    guard = msgspec.structs.replace(settings.guard, allow=f"127.0.0.1:{post.port}")
    return msgspec.structs.replace(settings, documents=limits, guard=guard)


@pytest.fixture
async def client(quick: Settings, database: Database, embedder: Embedder) -> AsyncIterator[Serdab]:
    serdab = Serdab(quick, database)
    await serdab.open()
    async with working(quick, database, embedder):
        yield serdab
    await serdab.close()


async def _watch(client: Serdab, address: str, password: str = PASSWORD, *, once: bool = True) -> list[Watched]:
    async with asyncio.timeout(60):
        return await watch_sources(client, [read_source(address)], password=lambda _: password, once=once)


async def _titles(database: Database) -> list[str]:
    return sorted([kept.receipt.title async for kept in kept_receipts(database, Selection())])


async def _runs(database: Database) -> int:
    found: int = await database.pool.fetchval("select count(*) from run")
    return found


async def test_each_mail_is_taken_once_and_stays_unread(client: Serdab, database: Database, post: MailServer) -> None:
    post.put(*map(_mail, range(3)))
    assert (await _watch(client, post.address))[0].taken == 3
    assert await _titles(database) == ["order 0", "order 1", "order 2"]
    assert (await _watch(client, post.address))[0].taken == 0
    post.put(_mail(3), _mail(0))
    assert (await _watch(client, post.address))[0].taken == 1
    assert await _runs(database) == 4
    with post.opened() as box:
        assert all("\\Seen" not in message.flags for message in box.fetch(mark_seen=False))


async def test_a_mail_is_flagged_or_moved_when_all_went_well(
    client: Serdab, database: Database, post: MailServer
) -> None:
    post.put(_mail(1))
    await _watch(client, f"{post.address}?after=seen")
    with post.opened() as box:
        assert [message.flags for message in box.fetch(mark_seen=False)] == [("\\Seen", "\\Recent")] or all(
            "\\Seen" in message.flags for message in box.fetch(mark_seen=False)
        )
    post.put(_mail(2))
    await _watch(client, f"{post.address}?after=move:Done")
    with post.opened() as box:
        assert [message.subject for message in box.fetch(mark_seen=False)] == ["order 1"]
        box.folder.set("Done")
        assert [message.subject for message in box.fetch(mark_seen=False)] == ["order 2"]
    assert await _runs(database) == 2


async def test_a_new_uidvalidity_brings_nothing_twice(client: Serdab, database: Database, post: MailServer) -> None:
    post.put(_mail(1), _mail(2))
    await _watch(client, post.address)
    post.kill()
    await post.start()
    post.put(_mail(2), _mail(3), _mail(1))
    assert (await _watch(client, post.address))[0].taken == 1
    assert await _titles(database) == ["order 1", "order 2", "order 3"]
    assert await _runs(database) == 3


async def test_what_a_server_calls_a_uid_is_never_the_path_of_a_file() -> None:
    def answer(line: str) -> str:
        tag, command = line.split()[:2]
        found = {"CAPABILITY": "CAPABILITY IMAP4rev1", "UID": "SEARCH 7 ../../../8 /tmp/9"}.get(command)
        more = "* OK [UIDVALIDITY 5] valid\r\n" if command == "SELECT" else ""
        return more + (f"* {found}\r\n" if found else "") + f"{tag} OK done\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK here\r\n")
        while line := await reader.readline():
            writer.write(answer(line.decode()).encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        source = read_source(f"imap://{USER}@127.0.0.1:{server.sockets[0].getsockname()[1]}/INBOX")
        assert isinstance(source, MailboxSource)
        with contextlib.closing(ImapFolder(source, PASSWORD)) as folder:
            assert await asyncio.to_thread(folder.uids) == (5, ["7"])


async def test_a_mailbox_that_is_closed_while_it_is_being_opened_stays_closed() -> None:
    came, closed, commands = asyncio.Event(), asyncio.Event(), list[str]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await closed.wait()
        writer.write(b"* OK here\r\n")
        while line := await reader.readline():
            tag, command = line.decode().split()[:2]
            commands.append(command)
            writer.write(f"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n".encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        source = read_source(f"imap://{USER}@127.0.0.1:{server.sockets[0].getsockname()[1]}/INBOX")
        assert isinstance(source, MailboxSource)
        folder = ImapFolder(source, PASSWORD)
        looking = asyncio.get_running_loop().create_task(asyncio.to_thread(folder.uids))
        await came.wait()
        folder.close()
        closed.set()
        with pytest.raises(MailboxAway):
            await looking
        assert commands == ["CAPABILITY"]


async def test_a_mail_that_comes_again_goes_where_the_first_went(
    client: Serdab, database: Database, post: MailServer
) -> None:
    address = f"{post.address}?after=move:Done"
    post.put(_mail(1), _mail(1))
    await _watch(client, address)
    post.put(_mail(1))
    await _watch(client, address)
    with post.opened() as box:
        assert list(box.uids("ALL")) == []
    post.kill()
    await post.start()
    post.put(_mail(1), _mail(2))
    assert (await _watch(client, address))[0].taken == 1
    with post.opened() as box:
        assert list(box.uids("ALL")) == []
        box.folder.set("Done")
        assert len(box.uids("ALL")) == 2
    assert await _runs(database) == 2


async def test_a_mail_that_waits_for_its_twin_is_not_fetched_at_every_look(
    serdab: Serdab, database: Database, post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    fetch = ImapFolder.fetch

    def counted(folder: ImapFolder, uid: str) -> bytes | None:
        fetched.append(uid)
        return fetch(folder, uid)

    monkeypatch.setattr(ImapFolder, "fetch", counted)
    post.put(_mail(1), _mail(1))
    source = read_source(post.address)
    assert isinstance(source, MailboxSource)
    with contextlib.closing(MailboxWatch(Intake(serdab, source.name), source, PASSWORD, 1_000_000)) as watch:
        await watch.open()
        assert [await watch.look() for _ in range(3)] == [1, 1, 1]  # No worker is there, so the first is under way.
        assert len(fetched) == 2
        await database.pool.execute("update watched_document set settled_at = clock_timestamp()")
        assert [await watch.look() for _ in range(2)] == [0, 0]
    assert len(fetched) == 3
    assert await _runs(database) == 1


async def test_a_lost_connection_is_opened_again_and_news_come_by_themselves(
    client: Serdab, database: Database, post: MailServer, eventually: Callable[..., Any]
) -> None:
    watching = asyncio.get_running_loop().create_task(_watch(client, post.address, once=False))
    try:
        for round_ in range(2):
            post.put(_mail(round_))

            async def has_come(round_: int = round_) -> bool:
                return await _runs(database) == round_ + 1

            await eventually(has_come)
            post.kill()
            await post.start()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_look_that_is_made_once_ends_where_no_server_is(client: Serdab, post: MailServer) -> None:
    post.kill()
    with pytest.raises(ExceptionGroup) as caught:
        await _watch(client, post.address)
    assert isinstance(caught.value.exceptions[0], MailboxAway)


async def test_a_wrong_password_is_told_and_never_shown(
    client: Serdab, post: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await _watch(client, post.address, "not-this-one")
    error = caught.value.exceptions[0]
    assert isinstance(error, MailboxRefused)
    assert "not-this-one" not in str(error) + caplog.text
    assert "user, password and folder" in str(error)


async def test_a_folder_that_is_not_there_is_told(client: Serdab, post: MailServer) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await _watch(client, post.address.replace("INBOX", "Nowhere"))
    assert "Nowhere" in str(caught.value.exceptions[0])


async def test_a_mail_server_that_is_not_listed_is_never_called(client: Serdab) -> None:
    with pytest.raises(Denied):
        await _watch(client, "imaps://reader@mail.example.com/INBOX")
    with pytest.raises(Denied):
        await _watch(client, "imaps://reader@127.0.0.1:9/INBOX")


async def test_a_mail_that_is_too_large_fails_with_its_reason_and_the_others_go_on(
    client: Serdab, database: Database, post: MailServer
) -> None:
    post.put(_mail(1) + b"x" * 200_000, _mail(2))
    limits = msgspec.structs.replace(client.settings.documents, most_bytes=100_000)
    client.settings = msgspec.structs.replace(client.settings, documents=limits)
    for taken in (1, 0):
        assert (await _watch(client, post.address))[0].taken == taken
    assert await _titles(database) == ["order 2"]
    (failed,) = await failed_documents(client, Selection(batch=read_source(post.address).name))
    assert "at most 100,000 bytes" in failed.reason
    assert failed.source.endswith(";UID=101")
