"""Documents without a receipt: the history of runs tells of them, as long as it is kept."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from uuid import UUID

import msgspec

from serdab.flow import Failure, Serdab
from serdab.knowledge.outcomes.receipts import Selection
from serdab.knowledge.triaging import triage
from serdab.store import load_statements

_SQL = load_statements("serdab.knowledge.outcomes")
#: Most runs that are looked at.
MOST_LOOKED = 100_000


class FailedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that has no receipt, and why."""

    source: str
    run_id: UUID
    #: failed, cancelled or dead.
    state: str
    #: The class of the error.
    kind: str
    reason: str
    ended_at: datetime.datetime


class _Given(msgspec.Struct):
    """What matters here of a run's input."""

    source: str = ""
    batch: str = ""


async def failed_documents(serdab: Serdab, selection: Selection) -> Sequence[FailedDocument]:
    """The failed documents of a selection, the last first; none when it is one by label or type: few have any.

    A document that was tried again counts once, and not at all when it has a receipt since.
    """
    if (selection.label, selection.doc_type) != (None, None):
        return []
    found: dict[str, FailedDocument] = {}
    rows = await serdab.database.pool.fetch(_SQL["failed_runs"], triage.name, selection.since, MOST_LOOKED)
    for row in rows:
        given = msgspec.json.decode(await serdab.payloads.unpack(row["input"]), type=list[_Given])
        document = given[0] if given else _Given()
        if document.source in found or (selection.batch is not None and document.batch != selection.batch):
            continue
        failure = Failure.decode(await serdab.payloads.unpack(row["output"]))
        found[document.source] = FailedDocument(
            source=document.source,
            run_id=UUID(int=row["run_id"].int),
            state=row["state"],
            kind=failure.kind,
            reason=failure.message,
            ended_at=row["ended_at"],
        )
    times = [each.ended_at for each in found.values()]
    for row in await serdab.database.pool.fetch(_SQL["recorded_since"], list(found), times):
        del found[row["source"]]
    return list(found.values())
