"""Documents from paths to receipts: what `serdab run triage` and the demo show."""

from __future__ import annotations

import secrets
import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from serdab.app import check_engine, some_tree, unheeded
from serdab.cli.following import follow
from serdab.cli.interruption import stopped
from serdab.cli.printing import certainty, file_name, file_names, print_json, print_table, say, shown, span
from serdab.core import BadInput, Settings, expected
from serdab.flow import Handle, RunFailed, Serdab
from serdab.knowledge import (
    DEFAULT_SET,
    Document,
    Earlier,
    Receipt,
    document_of,
    find_earlier,
    find_sources,
    shipped_schemas,
    shown_path,
    triage,
)

#: Most documents that are told one by one; of more only the sums are shown.
MOST_TOLD = 80
#: Kinds of fields, the most telling first, and how many of them a line has room for.
TELLING, MOST_FIELDS = ("total", "amount", "party", "company", "date", "id", "iban", "email", "phone"), 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A document without a receipt."""

    source: str
    run: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of some documents."""

    #: Under which they are found again.
    batch: str
    receipts: Sequence[Receipt]
    failures: Sequence[Failure]
    #: From the first start call to the last outcome.
    seconds: float
    #: By which kinds were told.
    label_set: str = DEFAULT_SET

    @property
    def per_minute(self) -> float:
        """Documents a minute, those that failed included."""
        return (len(self.receipts) + len(self.failures)) / max(self.seconds, 1e-9) * 60


async def put_through(
    settings: Settings, paths: Sequence[Path], label_set: str | None, batch: str | None = None, *, as_json: bool
) -> int:
    """Put files and folders through triage and show what came of it; how many failed.

    Raises:
        BadInput: a path does not exist, or there is no document below them.
        ModelMissing: the weights of the embedder are not in this home.
    """
    for path in paths:
        if not path.exists():
            raise BadInput(expected("PATH", "a file or folder that exists", str(path)))
    check_engine(settings)
    async with some_tree(settings) as is_own, Serdab.connect(settings) as serdab:
        if not is_own and (names := unheeded(settings)):
            say(f"not heeded: {', '.join(names)}; the tree that is up began with other settings: `serdab down` first")
        outcome = await triaged(serdab, paths, label_set or DEFAULT_SET, batch)
        batch = outcome.batch
    if as_json:
        print_json({"batch": batch, **_as_json(outcome), "receipts": outcome.receipts})
    else:
        show(outcome)
        say(f"batch {batch}: `serdab report --batch {shlex.quote(batch)} -o report.html` shows it")
    return len(outcome.failures)


async def triaged(serdab: Serdab, paths: Sequence[Path], label_set: str, batch: str | None = None) -> Outcome:
    """Start a run for each document below some paths and wait for all; an interrupted call is gone on with.

    Raises:
        BadInput: there is none.
    """
    settings = serdab.settings
    found = find_sources(paths, settings.documents.most_bytes)
    documents = [document_of(source, settings, label_set=label_set) for source in found]
    if not documents:
        raise BadInput(expected("the paths", "with documents below them", [str(path) for path in paths]))
    began = time.monotonic()
    earlier = await find_earlier(serdab, documents, batch)
    receipts, failures = list(earlier.receipts.values()), list[Failure]()
    batch = earlier.batch or batch or f"{shown_path(Path(paths[0].resolve().name))}-{secrets.token_hex(4)}"
    if earlier.batch is not None:
        say(f"going on with batch {batch}: {len(receipts):,} done before, {len(earlier.waiting):,} waiting")
    documents = [document for document in documents if document.source not in earlier.receipts]
    with stopped(lambda: "the documents wait; the same command again goes on with them, and so does `serdab up`"):
        handles = await _handles(serdab, documents, earlier, batch)
        ended = await follow(handles, began, "documents")
    for document, handle, result in zip(documents, handles, ended, strict=True):
        if isinstance(result, RunFailed):
            failures.append(_failure(document.source, str(handle.id), result))
        else:
            receipts.append(result)
    seconds = time.monotonic() - began
    return Outcome(batch=batch, receipts=receipts, failures=failures, seconds=seconds, label_set=label_set)


async def _handles(serdab: Serdab, documents: Sequence[Document], earlier: Earlier, batch: str) -> list[Handle]:
    """The run of each document: the one that waits, or a new one."""
    fresh = [document for document in documents if document not in earlier.waiting]
    starts = await serdab.start_many(triage, [msgspec.structs.replace(each, batch=batch) for each in fresh])
    runs = earlier.waiting | dict(zip(fresh, starts, strict=True))
    return [runs[document] for document in documents]


def _failure(source: str, run: str, error: RunFailed) -> Failure:
    reason = str(error.facts.get("message", error))
    return Failure(source=source, run=run, code=str(error.facts.get("kind", error.code)), reason=reason)


def show(outcome: Outcome) -> None:
    """Tables of what was found and what failed, and how fast it went."""
    if outcome.receipts:
        _show_receipts(outcome)
    for receipt in [each for each in outcome.receipts if each.chunks_indexed < each.chunks][:MOST_TOLD]:
        parts = f"the first {receipt.chunks_indexed:,} of its {receipt.chunks:,} parts"
        say(f"{file_name(receipt.source)} is very long: search finds only {parts}")
    if outcome.failures:
        told = outcome.failures[:MOST_TOLD]
        names = file_names(each.source for each in told)
        rows = [(names[each.source], Text(shown(each.reason), style="red"), each.run) for each in told]
        print_table(("failed document", "why", "run"), rows)
    total = len(outcome.receipts) + len(outcome.failures)
    say(
        f"{total:,} documents in {span(outcome.seconds)}: {len(outcome.receipts):,} recorded, "
        f"{len(outcome.failures):,} failed, {outcome.per_minute:,.0f} documents a minute"
    )


def _show_receipts(outcome: Outcome) -> None:
    if len(outcome.receipts) <= MOST_TOLD:
        likest = [receipt.similar[0].source for receipt in outcome.receipts if receipt.similar]
        names = file_names([*(receipt.source for receipt in outcome.receipts), *likest])
        print_table(
            ("document~", "kind", ">sure", "lang", "found~", "most like~"),
            [_line(receipt, names) for receipt in outcome.receipts],
        )
        if any(receipt.abstained and receipt.label for receipt in outcome.receipts):
            name = "" if outcome.label_set == DEFAULT_SET else f" {shlex.quote(outcome.label_set)}"
            say(f"a kind with ? needs a look: `serdab labels review{name}` shows the most doubtful first")
    else:
        kinds = Counter(receipt.label or "(none)" for receipt in outcome.receipts)
        print_table(("kind", ">documents"), kinds.most_common())
    for reason in {receipt.reasons[-1] for receipt in outcome.receipts if receipt.label is None and receipt.reasons}:
        say(f"no kind: {reason}")


def _line(receipt: Receipt, names: Mapping[str, str]) -> tuple[object, ...]:
    similar = receipt.similar[0] if receipt.similar else None
    return (
        names[receipt.source],
        receipt.label or "",
        certainty(receipt.confidence, receipt.abstained) if receipt.label else "",
        receipt.lang,
        fields_of(receipt),
        f"{names[similar.source]} {similar.similarity:.2f}" if similar else "",
    )


def fields_of(receipt: Receipt) -> str:
    """The first fields of a schema of the house, else the most telling ones, in one line."""
    ranks = {kind: rank for rank, kind in enumerate(TELLING)}
    best: dict[tuple[str, str], Any] = {}
    for field in receipt.fields:
        best.setdefault((field.kind, field.value), field)
    ranked = sorted(best.values(), key=lambda field: (ranks.get(field.kind, len(ranks)), -field.confidence))
    own = _own_values(receipt)
    told = [*own.items(), *((field.kind, field.value) for field in ranked if field.value not in own.values())]
    shown = ", ".join(f"{name} {value}" for name, value in told[:MOST_FIELDS])
    more = len(told) - MOST_FIELDS
    return f"{shown}, +{more}" if more > 0 else shown


def _own_values(receipt: Receipt) -> dict[str, str]:
    """One value of each field of a schema of the house, in its order; of one that ships none."""
    record = receipt.record
    if record is None or record.schema in {each.schema for each in shipped_schemas()}:
        return {}
    return {value.name: record.value(value.name) or value.value for value in record.values}


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "documents": len(outcome.receipts) + len(outcome.failures),
        "recorded": len(outcome.receipts),
        "failed": len(outcome.failures),
        "seconds": round(outcome.seconds, 3),
        "documents_per_minute": round(outcome.per_minute, 1),
        "failures": outcome.failures,
    }
