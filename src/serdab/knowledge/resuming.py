"""Goes on with documents that an earlier call brought and did not wait for: nothing is put through twice."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from serdab.flow import Handle, Serdab
from serdab.knowledge.outcomes import Selection, kept_receipts
from serdab.knowledge.reading import path_from_text
from serdab.knowledge.triaging import Document, Receipt, triage


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What is left of an earlier call that was interrupted."""

    #: Its batch; None: there is no such call.
    batch: str | None = None
    #: The runs that have not ended, by their document, whose batch is left empty.
    waiting: dict[Document, Handle] = field(default_factory=dict)
    #: The receipts of those that have, by their source; of files that have not changed since.
    receipts: dict[str, Receipt] = field(default_factory=dict)


async def find_earlier(serdab: Serdab, documents: Sequence[Document], batch: str | None) -> Earlier:
    """What an earlier call for the same documents left unfinished.

    Args:
        serdab: the client.
        documents: what is to be put through.
        batch: only a call of this batch; None: the newest call that brought any of them.
    """
    wanted = {msgspec.structs.replace(document, batch="") for document in documents}
    waiting: dict[Document, Handle] = {}
    unfinished: list[tuple[Document, Handle]] = await serdab.unfinished(triage)
    for document, handle in unfinished:
        plain = msgspec.structs.replace(document, batch="")
        if plain in wanted and (batch is None or document.batch == batch):
            batch = document.batch
            waiting[plain] = handle
    if batch is None or not waiting:
        return Earlier()
    changed_at = {document.source: _changed_at(document) for document in documents}
    receipts = {
        kept.receipt.source: kept.receipt
        async for kept in kept_receipts(serdab.database, Selection(batch=batch))
        if changed_at.get(kept.receipt.source, kept.noted_at) < kept.noted_at
    }
    return Earlier(batch=batch, waiting=waiting, receipts=receipts)


def _changed_at(document: Document) -> datetime.datetime:
    """When the file of a document was last changed; long ago for a text."""
    try:
        seconds = 0.0 if document.path is None else path_from_text(document.path).stat().st_mtime
    except OSError:  # gone meanwhile: its run tells
        return datetime.datetime.max.replace(tzinfo=datetime.UTC)
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
