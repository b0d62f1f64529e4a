"""A pooler in transaction mode, as small as it can be: each transaction of a client gets the other of two sessions."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: "Ready for the next query", outside of a transaction.
OUTSIDE = (b"Z", b"I")
_SSL_REQUEST = 80877103


@asynccontextmanager
async def transaction_pooler(socket: str) -> AsyncIterator[int]:
    """Serve on a loopback port while the block runs; the port.

    Args:
        socket: path of the unix socket of a PostgreSQL that asks the user for no password.
    """
    server = await asyncio.start_server(lambda reader, writer: _serve(socket, reader, writer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _serve(socket: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sessions = [await asyncio.open_unix_connection(socket) for _ in range(2)]
    current = 0

    async def answers(place: int) -> None:
        nonlocal current
        try:
            while True:
                kind, body = await _message(sessions[place][0])
                if (kind, body) == OUTSIDE:  # the transaction is over: the next one goes to the other session
                    current = 1 - place
                writer.write(_framed(kind, body))
        finally:
            writer.close()

    tasks: list[asyncio.Task[None]] = []
    try:
        startup = await _startup(reader, writer)
        greetings = [await _greet(startup, *session) for session in sessions]
        writer.write(greetings[0])
        tasks = [asyncio.ensure_future(answers(place)) for place in range(2)]
        while asked := await reader.read(65_536):
            sessions[current][1].write(asked)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in (writer, *(session[1] for session in sessions)):
            each.close()


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
