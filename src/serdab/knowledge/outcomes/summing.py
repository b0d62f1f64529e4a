"""What a report tells, summed up while the receipts go by: nothing here grows with their number but bounded lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from serdab.flow import Serdab
from serdab.knowledge.outcomes.failures import FailedDocument, failed_documents
from serdab.knowledge.outcomes.looking import Look, looks_of
from serdab.knowledge.outcomes.receipts import Selection, kept_receipts
from serdab.store import load_statements

_SQL = load_statements("serdab.knowledge.outcomes")
#: Bars of the histogram of confidence.
BARS = 20
#: Documents that a report tells one by one, of each kind.
MOST_TOLD = 300
#: Characters shown before and behind a place.
AROUND = 160
_PART = 2_000


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """The time of one step of the workflow over all documents, from the history of their runs."""

    name: str
    steps: int
    #: Together, and of the slowest, seconds.
    total_s: float
    most_s: float
    #: Tries that failed and were done again.
    again: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of documents in numbers, and those of them that a person should see."""

    title: str
    #: Together: one whose receipt did not arrive, or whose newest version failed, is recorded and failed too.
    documents: int
    recorded: int
    failed: Sequence[FailedDocument]
    labels: Sequence[tuple[str, int]]
    langs: Sequence[tuple[str, int]]
    #: The type that was given or else recognised, empty: neither; its documents, and how many of them brought it.
    types: Sequence[tuple[str, int, int]]
    #: Documents by confidence, from 0 to 1 in equal steps; those without a label are not in it.
    confidences: Sequence[int]
    stages: Sequence[Stage]
    #: How many documents need a look; `looks` tells the first of them.
    needing: int
    looks: Sequence[Look]


async def sum_up(serdab: Serdab, selection: Selection, title: str) -> Report:
    """Everything that a report of a selection tells."""
    labels: Counter[str] = Counter()
    langs: Counter[str] = Counter()
    types: Counter[str] = Counter()
    given: Counter[str] = Counter()
    confidences = [0] * BARS
    looks: list[Look] = []
    runs: list[UUID] = []
    stages: dict[str, Stage] = {}
    failed = await failed_documents(serdab, selection)
    missing = {each.source for each in failed}
    recorded = needing = 0
    async for kept in kept_receipts(serdab.database, selection):
        receipt = kept.receipt
        recorded += 1
        missing.discard(receipt.source)
        labels[receipt.label or ""] += 1
        langs[receipt.lang] += 1
        types[receipt.doc_type or receipt.read_as] += 1
        given[receipt.doc_type] += 1
        if receipt.label is not None:
            confidences[min(max(int(receipt.confidence * BARS), 0), BARS - 1)] += 1
        found = looks_of(receipt)
        needing += bool(found)
        looks += found if len(looks) < MOST_TOLD else []
        runs.append(kept.run_id)
        if len(runs) == _PART:
            await _add_stages(serdab, runs, stages)
            runs = []
    runs += [each.run_id for each in failed[:_PART]]
    await _add_stages(serdab, runs, stages)
    return Report(
        title=title,
        documents=recorded + len(missing),
        recorded=recorded,
        failed=failed,
        labels=labels.most_common(),
        langs=langs.most_common(),
        types=[(name, count, given[name] if name else 0) for name, count in types.most_common()],
        confidences=confidences,
        stages=sorted(stages.values(), key=lambda stage: -stage.total_s),
        needing=needing,
        looks=await _with_places(serdab, looks[:MOST_TOLD]),
    )


async def _add_stages(serdab: Serdab, runs: Sequence[UUID], stages: dict[str, Stage]) -> None:
    for row in await serdab.database.pool.fetch(_SQL["time_of_steps"], list(runs)):
        name = row["step_key"].rpartition("/")[2].partition("#")[0].partition(":")[0]
        before = stages.get(name, Stage(name=name, steps=0, total_s=0.0, most_s=0.0, again=0))
        stages[name] = Stage(
            name=name,
            steps=before.steps + row["steps"],
            total_s=before.total_s + float(row["total_us"]) / 1e6,
            most_s=max(before.most_s, row["most_us"] / 1e6),
            again=before.again + int(row["again"]),
        )


async def _with_places(serdab: Serdab, looks: Sequence[Look]) -> list[Look]:
    """The text around each place, as far as the index holds it."""
    wanted = [(n, look.document_id, look.start) for n, look in enumerate(looks) if look.end > look.start]
    columns = [list(column) for column in zip(*wanted, strict=True)] if wanted else [[], [], []]
    told = list(looks)
    for row in await serdab.database.pool.fetch(_SQL["passages_at"], *columns):
        look = looks[row["n"]]
        start, end = look.start - row["start_at"], min(look.end - row["start_at"], len(row["text"]))
        told[row["n"]] = msgspec.structs.replace(
            look,
            before=before_place(row["text"], start),
            place=row["text"][start:end],
            behind=behind_place(row["text"], end),
        )
    return told


def before_place(text: str, start: int) -> str:
    """What stands before a place, from the beginning of a word where it is cut."""
    cut = text[max(0, start - AROUND) : start]
    word = re.search(r"\s\S", cut)
    return cut if start <= AROUND else "… " + (cut[word.end() - 1 :] if word else cut)


def behind_place(text: str, end: int) -> str:
    """What stands behind a place, to the end of a word where it is cut."""
    cut = text[end : end + AROUND]
    if end + AROUND >= len(text):
        return cut
    words = re.match(r"(?s:.{1,160})(?=\s)", cut)
    return (words[0] if words else cut) + " …"
