"""From the settings to a database that can be used: started if it is ours, checked if it is not, migrated."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncpg

from serdab.core import Settings, expected
from serdab.store.database import CONNECT_TIMEOUT_S, Connection, Database, hide_password, is_gone
from serdab.store.embedded import EmbeddedPostgres
from serdab.store.errors import (
    DatabaseReadOnly,
    DatabaseTooOld,
    DatabaseUnreachable,
    ExtensionMissing,
    PoolerInTheWay,
)
from serdab.store.migrating import migrate

LEAST_VERSION = 15
LEAST_VECTOR = (0, 5)
#: How long a session may take to answer a question that needs no work.
SESSION_TIMEOUT_S = 10.0


async def open_database(settings: Settings, *, name: str = "serdab") -> Database:
    """Start the embedded PostgreSQL when no other is set, check what is there, and migrate it.

    Raises:
        DatabaseUnreachable, DatabaseWontStart: it cannot be had now.
        BadDatabase: it cannot be used as it is; each reason is a class of its own.
    """
    url = settings.database.url
    dsn = url or await EmbeddedPostgres(settings).start()
    connection = await _connected(dsn)
    try:
        await check_database(connection, dsn)
        await migrate(connection)
    finally:
        await connection.close()
    database = Database(dsn, settings.database.pool)
    await database.open()
    return database


async def _connected(dsn: str) -> Connection:
    try:
        return await asyncpg.connect(
            dsn, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": "serdab boot"}
        )
    except asyncpg.InvalidCatalogNameError as error:
        raise DatabaseUnreachable(
            f"expected {hide_password(dsn)} to name a database, got {error}; create it first"
        ) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise DatabaseUnreachable(
            f"expected user and password of {hide_password(dsn)} to be right, got {error}"
        ) from error
    except (ValueError, asyncpg.InterfaceError) as error:
        raise DatabaseUnreachable(
            f"expected database.url to be a PostgreSQL URL, got {hide_password(dsn)}; {error}"
        ) from error
    except Exception as error:
        if not is_gone(error):
            raise
        raise DatabaseUnreachable(
            f"expected PostgreSQL to answer at {hide_password(dsn)}, got {type(error).__name__}: {error}; "
            "is it running?"
        ) from error


async def check_database(connection: Connection, dsn: str) -> None:
    """Find what would break later.

    Raises:
        BadDatabase: and which.
    """
    await _check_sessions(connection, dsn)
    check_version(int(await connection.fetchval("show server_version_num")))
    if await connection.fetchval(
        "select pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool"
    ):
        raise DatabaseReadOnly(
            expected("the database", "one that takes writes", hide_password(dsn), "point database.url at the primary")
        )
    await _check_vector(connection)


def check_version(number: int) -> None:
    """Refuse a server that is too old.

    Raises:
        DatabaseTooOld: it is.
    """
    if number // 10_000 < LEAST_VERSION:
        raise DatabaseTooOld(expected("PostgreSQL", f"version {LEAST_VERSION} or newer", f"{number // 10_000}"))


async def _check_sessions(connection: Connection, dsn: str) -> None:
    """A session must be ours from one transaction to the next: prepared statements and LISTEN live in it.

    A pooler in transaction mode gives the session of whoever is between two transactions to the next who begins one, so
    a second connection begins one; we then get another session, or, from a pooler that has no other, no answer.
    """
    pids = set()
    other = await _connected(dsn)
    try:
        for _ in range(3):
            pids.add(await connection.fetchval("select pg_backend_pid()"))
        await other.execute("begin")
        async with asyncio.timeout(SESSION_TIMEOUT_S):
            pids.add(await connection.fetchval("select pg_backend_pid()"))
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError) as error:
        raise PoolerInTheWay(_pooler("a statement of another session")) from error
    except TimeoutError:
        connection.terminate()
        raise PoolerInTheWay(_pooler("no answer while another connection has a transaction")) from None
    finally:
        other.terminate()
    if len(pids) > 1:
        raise PoolerInTheWay(_pooler(f"{len(pids)} sessions behind one connection"))


def _pooler(got: str) -> str:
    return (
        f"expected the database to be reached directly or through a pooler in session mode, got {got}; point "
        "database.url at PostgreSQL itself"
    )


async def _check_vector(connection: Connection) -> None:
    row: Any = await connection.fetchrow(
        "select default_version, installed_version from pg_available_extensions where name = 'vector'"
    )
    if row is None:
        raise ExtensionMissing(
            expected("the extension vector", "installed on the server", "none", "install pgvector 0.5 or newer there")
        )
    if row["installed_version"] is None:
        try:
            await connection.execute("create extension if not exists vector")
        except asyncpg.InsufficientPrivilegeError as error:
            raise ExtensionMissing(
                expected("the extension vector", "created in this database", str(error),
                         "let a superuser run: create extension vector")
            ) from error  # fmt: skip
        except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):
            pass  # another process was faster
    version = row["installed_version"] or row["default_version"]
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < LEAST_VECTOR:
        raise DatabaseTooOld(expected("pgvector", "version 0.5 or newer", version, "upgrade it on the server"))
