"""The receipts that the database keeps; they stay when the history of the runs that made them is dropped."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec

from serdab.knowledge.triaging import Receipt
from serdab.store import Database, load_statements

_SQL = load_statements("serdab.knowledge.outcomes")
_PAGE = 1_000


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which receipts are meant; None: all."""

    batch: str | None = None
    #: Noted at this time or later.
    since: datetime.datetime | None = None
    label: str | None = None
    #: As it was brought, or as what it was read.
    doc_type: str | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The last receipt of a document."""

    noted_at: datetime.datetime
    #: The run that made it; its history may be gone.
    run_id: UUID
    receipt: Receipt
    #: The same as it is stored, JSON.
    body: bytes
    #: Other places where the same content is now, the first come first, at most twenty.
    places: list[str] = []


class BatchInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that were brought together."""

    batch: str
    documents: int
    last_at: datetime.datetime


async def kept_receipts(database: Database, selection: Selection) -> AsyncIterator[Kept]:
    """The receipts of a selection in the order in which they were noted; a page at a time is in memory."""
    decode = msgspec.json.Decoder(Receipt).decode
    after: tuple[datetime.datetime | None, UUID | None] = (None, None)
    while True:
        rows = await database.pool.fetch(_SQL["page_of_receipts"], *_filters(selection), *after, _PAGE)
        for row in rows:
            body = bytes(row["body"])
            yield Kept(
                noted_at=row["noted_at"],
                run_id=UUID(int=row["run_id"].int),
                receipt=decode(body),
                body=body,
                places=row["places"],
            )
        if len(rows) < _PAGE:
            return
        after = (rows[-1]["noted_at"], rows[-1]["document_id"])


async def names_of_values(database: Database, selection: Selection) -> list[str]:
    """The names of all values that the receipts of a selection have, in order."""
    rows = await database.pool.fetch(_SQL["names_of_values"], *_filters(selection))
    return [row["name"] for row in rows]


async def list_batches(database: Database, most: int = 50) -> Sequence[BatchInfo]:
    """The batches of which receipts are kept, the last first."""
    rows = await database.pool.fetch(_SQL["list_batches"], most)
    return [BatchInfo(batch=row["batch"], documents=row["documents"], last_at=row["last_at"]) for row in rows]


def _filters(selection: Selection) -> tuple[str | None, datetime.datetime | None, str | None, str | None]:
    return selection.batch, selection.since, selection.label, selection.doc_type
