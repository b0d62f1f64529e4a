"""How well and how fast documents go through `triage`, measured with files whose answers are known."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from serdab.core import Settings, expected
from serdab.engines import Embedder
from serdab.flow import Handle, RunFailed, Serdab
from serdab.knowledge.errors import REMOVED, BadEvaluation
from serdab.knowledge.evaluation_places import evaluation_place
from serdab.knowledge.evaluation_sets import Sets, label_of, sets_across, sets_of_split
from serdab.knowledge.extraction import (
    FieldFigures,
    Schema,
    fields_never_read,
    load_schemas,
    micro_f1,
    score_fields,
    tabulate_fields,
)
from serdab.knowledge.intervals import wilson
from serdab.knowledge.label_files import SHEETS, find_rows
from serdab.knowledge.labelling import (
    Coverage,
    calibration_error,
    calibration_error_by_chance,
    calibration_error_debiased,
    calibration_error_in_bins,
    confidence_gap,
    coverage_at,
    macro_f1,
)
from serdab.knowledge.reading import Refusal, Source, find_sources
from serdab.knowledge.triaging import Document, Receipt, document_of, triage
from serdab.store import load_statements

_SQL = load_statements("serdab.knowledge")

#: Refused documents that a report names; all are counted.
MOST_NAMED = 50
_LOOK_EVERY_S = 0.5

#: Hears how many documents have ended, of how many.
OnProgress = Callable[[int, int], None]


class Unrecorded(msgspec.Struct, frozen=True, kw_only=True):
    """A document that ended without a receipt."""

    source: str
    reason: str


class FieldScore(msgspec.Struct, frozen=True, kw_only=True):
    """How often a field was found right."""

    right: int
    compared: int
    share: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    file: str
    #: Documents that were run, and how they ended: all that were started have.
    documents: int
    recorded: int
    refused: int
    refusals: list[Unrecorded]
    #: Share of the documents with a known label whose label was found; None when there is none to compare.
    accuracy: float | None
    #: Wilson's interval, 95 of 100.
    accuracy_low: float | None
    accuracy_high: float | None
    compared: int
    #: Documents with a known label; more than `compared` where nothing was learned that they could be asked by.
    labelled: int
    #: Mean over labels of F1.
    macro_f1: float | None
    #: The same by language.
    accuracy_by_lang: dict[str, float]
    #: From the first start to the last outcome.
    documents_per_minute: float
    seconds: float
    #: Train rows that the labels were learned from, how many labels, and how long that took with their embeddings.
    learned_rows: int
    learned_labels: int
    learn_seconds: float
    #: By the name of the field.
    fields: dict[str, FieldScore]
    #: By the name of the field, what was found against what is there; one that is not there and was found counts.
    field_table: dict[str, FieldFigures] = {}
    #: F1 over all pairs of a field and a value; None when no field is known.
    fields_f1: float | None = None
    #: Fields that documents are known to have and no schema looks for: how right they are found would say nothing.
    fields_never_read: list[str] = []
    #: Mean distance between confidence and what was right (ECE by monotonic sweep), and what chance alone would make of
    #: it on so few rows.
    calibration_error: float | None = None
    calibration_error_by_chance: float | None = None
    #: The same over fifteen bins of equal numbers; on few rows mostly chance.
    calibration_error_in_bins: float | None = None
    #: The error without chance, as a root mean square over bins (Kumar, Liang, Ma 2019); 0: chance explains all.
    calibration_error_debiased: float | None = None
    #: Mean confidence minus accuracy: above 0 too sure.
    confidence_gap: float | None = None
    #: How many labels could be taken unseen with 95 of 100 of them right.
    coverage_at_95: Coverage | None = None
    #: Share of the labels that were marked as needing a look, and of how many others were right.
    abstained: float | None = None
    taken_right: float | None = None


async def evaluate_triage(  # noqa: PLR0913 - each says how it is measured
    serdab: Serdab,
    embedder: Embedder,
    path: Path,
    *,
    key: str | None = None,
    limit: int | None = None,
    across: bool = False,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Send what a file or folder holds through `triage` by the workers that run now, and compare.

    The rows of the split `train` become labels when there are enough of them, and the others documents, only those of
    the split `test` if there are any; else all rows are documents. What was added to the index is taken out again, if
    need be by the next evaluation: of one that was killed.

    Args:
        serdab: starts the runs.
        embedder: makes the embeddings of the labels.
        path: JSON lines of `{id, text, labels, fields, split}`, CSV with columns `text`, `label` and, where it is
            split, `split`; or files to read.
        key: which of `labels` is the kind; the first usual one by default.
        limit: most documents that are run.
        across: splits do not count: every row with a label is asked by what was learned from the others, near copies
            together; of more than 4,000 rows a tenth is asked.
        on_progress: hears how many have ended.

    Raises:
        BadLabels: a CSV file has no such columns.
        BadEvaluation: there is no document, too few have a label to ask `across`, or what was learned was removed
            meanwhile.
    """
    found = await asyncio.to_thread(lambda: list(_find(path, key, serdab.settings.documents.most_bytes)))
    sources = [each for each in found if isinstance(each, Source)]
    unread = [Unrecorded(source=each.name, reason=each.reason) for each in found if isinstance(each, Refusal)]
    async with evaluation_place(serdab) as folder:
        learn, place = (sets_across, folder) if across else (sets_of_split, path)
        sets = await learn(serdab.database, embedder, place, key, sources)
        asked = sets.asked[:limit]
        if not asked:
            why = f"; the first refused: {unread[0].reason}" if unread else ""
            raise BadEvaluation(expected(f"{path}", "a file or folder with documents", "none") + why)
        documents = [_unknown(source, serdab.settings, label_set, folder) for source, label_set in asked]
        ends, seconds = await _run(serdab, documents, on_progress)
        await _check_sets(serdab, sets)
    schemas = load_schemas(serdab.settings.documents.schemas)
    ran = [source for source, _ in asked]
    return _report(_Ran(path=path, key=key, sources=ran, ends=ends, seconds=seconds, schemas=schemas), unread, sets)


def _find(path: Path, key: str | None, most_bytes: int) -> Iterator[Source | Refusal]:
    """The documents of an evaluation: a sheet that is named itself has one in each row, as JSON lines do."""
    return find_rows(path, key) if path.suffix.lower() in SHEETS else find_sources([path], most_bytes)


async def _check_sets(serdab: Serdab, sets: Sets) -> None:
    """See that what was learned for an evaluation is still there: without it documents are told nothing."""
    rows = await serdab.database.pool.fetch(_SQL["names_of_label_sets"])
    if sets.rows and {name for _, name in sets.asked} - {row["name"] for row in rows}:
        raise BadEvaluation(f"{REMOVED}, and evaluate again")


def _unknown(source: Source, settings: Settings, label_set: str, folder: Path) -> Document:
    """The document of a source under a name of this evaluation; its language is to be found, not told."""
    document = document_of(source, settings, label_set=label_set, deliver_to=str(folder))
    return msgspec.structs.replace(document, source=f"{folder.name}/{source.name}", lang="")


class _Ran(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    key: str | None
    sources: Sequence[Source]
    ends: Sequence[Receipt | str]
    seconds: float
    schemas: Sequence[Schema]


async def _run(
    serdab: Serdab, documents: Sequence[Document], on_progress: OnProgress | None
) -> tuple[Sequence[Receipt | str], float]:
    """How each document ended, and how long all took; who is interrupted takes his runs back."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    handles = await serdab.start_many(triage, documents)
    try:
        return await _ends(handles, on_progress), loop.time() - began
    except asyncio.CancelledError:
        await serdab.cancel([handle.id for handle in handles], "the evaluation was interrupted")
        raise


async def _ends(handles: Sequence[Handle], on_progress: OnProgress | None) -> list[Receipt | str]:
    """The receipt of each run, or why it has none."""
    ends: list[Receipt | str] = [""] * len(handles)
    left = len(handles)

    async def one(place: int, handle: Handle) -> None:
        nonlocal left
        try:
            ends[place] = await handle.result()
        except RunFailed as error:
            ends[place] = str(error)
        left -= 1

    async def tell() -> None:
        while on_progress is not None:
            on_progress(len(handles) - left, len(handles))
            await asyncio.sleep(_LOOK_EVERY_S)

    async with asyncio.TaskGroup() as group:
        teller = group.create_task(tell())
        async with asyncio.TaskGroup() as runs:
            for place, handle in enumerate(handles):
                runs.create_task(one(place, handle))
        teller.cancel()
    if on_progress is not None:
        on_progress(len(handles), len(handles))
    return ends


def _report(ran: _Ran, unread: Sequence[Unrecorded], learned: Sets) -> Evaluation:
    failed = [
        Unrecorded(source=source.name, reason=end)
        for source, end in zip(ran.sources, ran.ends, strict=True)
        if isinstance(end, str)
    ]
    refused = [*unread, *failed]
    told = [(source, end) for source, end in zip(ran.sources, ran.ends, strict=True) if isinstance(end, Receipt)]
    labelled = [
        (source.lang, label, end)
        for source, end in told
        if learned.rows and (label := label_of(source, ran.key)) is not None
    ]
    pairs = [(label, end.label) for _, label, end in labelled]
    right = Counter(lang for lang, label, end in labelled if label == end.label)
    asked = Counter(lang for lang, *_ in labelled)
    low, high = wilson(right.total(), len(pairs))
    fields = [(source.fields, receipt.summary, receipt.record) for source, receipt in told]
    never_read = fields_never_read(fields, ran.schemas)
    table = tabulate_fields(fields, never_read)
    return Evaluation(
        file=ran.path.name,
        documents=len(ran.sources) + len(unread),
        recorded=len(told),
        refused=len(refused),
        refusals=refused[:MOST_NAMED],
        accuracy=right.total() / len(pairs) if pairs else None,
        accuracy_low=low if pairs else None,
        accuracy_high=high if pairs else None,
        compared=len(pairs),
        labelled=sum(label_of(source, ran.key) is not None for source in ran.sources),
        macro_f1=macro_f1(pairs) if pairs else None,
        accuracy_by_lang={lang: right[lang] / count for lang, count in sorted(asked.items())},
        documents_per_minute=60 * len(ran.sources) / ran.seconds,
        seconds=ran.seconds,
        learned_rows=learned.rows,
        learned_labels=learned.labels,
        learn_seconds=learned.seconds,
        fields=_field_scores(told),
        field_table=table,
        fields_f1=micro_f1(table),
        fields_never_read=never_read,
        **_confidence([(end, label == end.label) for _, label, end in labelled]),
    )


def _confidence(told: Sequence[tuple[Receipt, bool]]) -> dict[str, Any]:
    """What confidence was worth, as the fields of an evaluation."""
    if not told:
        return {}
    sure, right = [receipt.confidence for receipt, _ in told], [ok for _, ok in told]
    taken = [ok for receipt, ok in told if not receipt.abstained]
    return {
        "calibration_error": calibration_error(sure, right),
        "calibration_error_by_chance": calibration_error_by_chance(sure),
        "calibration_error_in_bins": calibration_error_in_bins(sure, right),
        "calibration_error_debiased": calibration_error_debiased(sure, right),
        "confidence_gap": confidence_gap(sure, right),
        "coverage_at_95": coverage_at(sure, right, 0.95),
        "abstained": 1 - len(taken) / len(told),
        "taken_right": sum(taken) / len(taken) if taken else None,
    }


def _field_scores(told: Sequence[tuple[Source, Receipt]]) -> dict[str, FieldScore]:
    right: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    for source, receipt in told:
        for name, is_right in score_fields(source.fields, receipt.summary).items():
            compared[name] += 1
            right[name] += is_right
    return {
        name: FieldScore(right=right[name], compared=count, share=right[name] / count)
        for name, count in sorted(compared.items())
    }
