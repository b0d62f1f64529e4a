"""A pooler in transaction mode, as small as it can be: a session is a client's for the time of a transaction.

Like PgBouncer it hands out the session that was free last, so that one client alone always has the same one, and
refuses parameters in a greeting that it does not know.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: "Ready for the next query", outside of a transaction.
OUTSIDE = (b"Z", b"I")
TERMINATE = b"X"
#: What a greeting may say.
KNOWN = {b"user", b"database", b"client_encoding", b"application_name"}
_SSL_REQUEST = 80877103


@asynccontextmanager
async def transaction_pooler(socket: str) -> AsyncIterator[int]:
    """Serve on a loopback port while the block runs; the port.

    Args:
        socket: path of the unix socket of a PostgreSQL that asks the user for no password.
    """
    pool = _Pool(socket)
    server = await asyncio.start_server(pool.serve, "127.0.0.1", 0)
    try:
        async with server:
            yield server.sockets[0].getsockname()[1]
    finally:
        await pool.close()


class _Session:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes) -> None:
        self.reader, self.writer, self.greeting = reader, writer, greeting
        self.client: asyncio.StreamWriter | None = None


class _Pool:
    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._free: list[_Session] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session: _Session | None = None
        try:
            startup = await _startup(reader, writer)
            if strange := set(startup[8:-1].split(b"\0")[:-1:2]) - KNOWN:
                fields = b"SFATAL\0C08P01\0Munsupported startup parameter: " + strange.pop() + b"\0\0"
                writer.write(_framed(b"E", fields))
                return
            first = await self._take(startup)
            self._free.append(first)
            writer.write(first.greeting)
            while (asked := await reader.read(65_536)) and not asked.startswith(TERMINATE):
                if session is None or session.client is not writer:
                    session = await self._take(startup)
                    session.client = writer
                session.writer.write(asked)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if session is not None and session.client is writer:
                session.writer.close()
            writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, startup: bytes) -> _Session:
        if self._free:
            return self._free.pop()
        reader, writer = await asyncio.open_unix_connection(self._socket)
        session = _Session(reader, writer, await _greet(startup, reader, writer))
        self._tasks.append(asyncio.ensure_future(self._relay(session)))
        return session

    async def _relay(self, session: _Session) -> None:
        try:
            while True:
                kind, body = await _message(session.reader)
                client = session.client
                if (kind, body) == OUTSIDE:
                    session.client = None
                    self._free.append(session)
                if client is not None:
                    client.write(_framed(kind, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            session.writer.close()


async def _startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    while True:
        length = await reader.readexactly(4)
        body = await reader.readexactly(struct.unpack("!I", length)[0] - 4)
        if struct.unpack("!I", body[:4])[0] != _SSL_REQUEST:
            return length + body
        writer.write(b"N")


async def _greet(startup: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(startup)
    said = b""
    while True:
        kind, body = await _message(reader)
        said += _framed(kind, body)
        if (kind, body) == OUTSIDE:
            return said


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body
