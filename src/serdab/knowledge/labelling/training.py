"""Learning from a set of labels: everything embedded by one engine, a head, and the threshold of least cost."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import re
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy

from serdab.core import expected
from serdab.engines import Embedder
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import REMOVED, BadLabels
from serdab.knowledge.features import FEATURES_VERSION
from serdab.knowledge.heads import Heads, Learned, learn
from serdab.knowledge.labelling.embedding import embed_wholes, maker_of
from serdab.knowledge.labelling.thresholds import Costs, choose_threshold
from serdab.knowledge.vectors import Vector, from_database, to_database
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")
_OURS = load_statements("serdab.knowledge.labelling")

#: Most examples of a set that are learned from.
MOST_LEARNED = 200_000
#: How many examples the description of a label counts for; a label without one is described by its name.
DESCRIPTION_WEIGHT = 3.0
_BATCH = 512
#: What makes words of a name, and what a name has that means something.
_JOINTS = re.compile(r"[_/\-.:]")
_WORD = re.compile(r"[^\W\d_]{3}")


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What a set has to learn from: examples, then descriptions."""

    digest: bytes
    texts: list[str]
    labels: list[str]
    embeddings: Any
    #: Words of the names of labels that have no description.
    names: dict[str, str]
    #: How many are examples.
    examples: int
    #: Texts that were embedded anew, because another engine had made their embeddings.
    embedded_again: int
    made_by: str

    @property
    def is_enough(self) -> bool:
        """Whether a head can be learned; of less the nearest examples tell more."""
        kinds = len(set(self.labels))
        return kinds >= 2 and len(self.labels) >= 2 * kinds


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """What came of learning."""

    #: None: too few examples; the nearest ones tell.
    heads: Heads | None
    embedded_again: int
    costs: Costs


async def find_set(link: Link, label_set: str) -> int:
    """The number of a set.

    Raises:
        BadLabels: there is none of that name.
    """
    row = await link.use(lambda c: c.fetchrow(_SQL["find_label_set"], label_set))
    if row is None:
        rows = await link.use(lambda c: c.fetch(_SQL["names_of_label_sets"]))
        near = difflib.get_close_matches(label_set, [row["name"] for row in rows], n=1)
        todo = f"{f'did you mean {near[0]}? ' if near else ''}`serdab labels list` shows those there are"
        raise BadLabels(expected("the set of labels", "one that is known", label_set, todo))
    found: int = row["set_id"]
    return found


async def gather_material(link: Link, embedder: Embedder, set_id: int) -> Material:
    """The examples and descriptions of a set, those embedded again that another engine had embedded."""
    rows = await link.use(lambda c: c.fetch(_SQL["all_examples"], set_id, MOST_LEARNED))
    described = await link.use(lambda c: c.fetch(_OURS["label_descriptions"], set_id))
    made_by = await maker_of(embedder)
    strange = [at for at, row in enumerate(rows) if row["made_by"] != made_by]
    fresh = await _embed_again(link, embedder, set_id, [(at, rows[at]) for at in strange])
    vectors = [fresh[at] if at in fresh else from_database(row["embedding"]) for at, row in enumerate(rows)]
    vectors += await _described(link, embedder, set_id, described, made_by)
    return Material(
        digest=_digest(rows, described, made_by),
        texts=[row["text"] for row in (*rows, *described)],
        labels=[row["label"] for row in (*rows, *described)],
        embeddings=numpy.stack(vectors) if vectors else None,
        names=_names_of({row["label"] for row in rows} - {row["label"] for row in described}),
        examples=len(rows),
        embedded_again=len(strange),
        made_by=made_by,
    )


def _digest(rows: Sequence[Any], described: Sequence[Any], made_by: str) -> bytes:
    """What changes when another head would be learned."""
    digest = hashlib.sha256(bytes([FEATURES_VERSION]) + made_by.encode() + b"\0")
    for row in rows:
        digest.update(row["digest"] + row["label"].encode() + b"\0")
    for row in described:
        digest.update(row["label"].encode() + b"\1" + row["text"].encode() + b"\0")
    return digest.digest()


async def train_set(link: Link, embedder: Embedder, set_id: int, costs: Costs | None = None) -> Trained:
    """Learn from a set, unless that was done with the same examples, and choose the threshold by what things cost."""
    if costs is not None:
        await link.use(lambda c: c.execute(_OURS["set_label_costs"], set_id, costs.wrong, costs.look))
    while True:
        trained = await _train_once(link, embedder, set_id)
        if trained is not None:
            return trained


async def _train_once(link: Link, embedder: Embedder, set_id: int) -> Trained | None:
    """None: somebody else learned from the set meanwhile, perhaps from more; what came of this was not kept."""
    kept = await link.use(lambda c: c.fetchrow(_SQL["get_head"], set_id))
    trained_at = None if kept is None else kept["trained_at"]
    known = await costs_of(link, set_id)
    material = await gather_material(link, embedder, set_id)
    if not material.is_enough:
        if kept is not None and not await link.use(lambda c: c.fetchval(_OURS["forget_head"], set_id, trained_at)):
            return None
        return Trained(heads=None, embedded_again=material.embedded_again, costs=known)
    before = _decode(kept["head"]) if kept is not None and kept["digest"] == material.digest else None
    heads = before or (await learn_from(material, embedder)).heads
    chosen = msgspec.structs.replace(heads, threshold=threshold_of(heads, known))
    if chosen != before:
        head = (material.digest, msgspec.msgpack.encode(chosen))
        if not await link.use(lambda c: c.fetchval(_SQL["put_head"], set_id, *head, trained_at)):
            return None
    return Trained(heads=chosen, embedded_again=material.embedded_again, costs=known)


async def costs_of(link: Link, set_id: int) -> Costs:
    """What errors and looks cost in a set.

    Raises:
        BadLabels: the set was removed meanwhile.
    """
    row = await link.use(lambda c: c.fetchrow(_OURS["label_costs"], set_id))
    if row is None:
        raise BadLabels(REMOVED)
    return Costs(wrong=row["cost_wrong"], look=row["cost_look"])


async def learn_from(material: Material, embedder: Embedder) -> Learned:
    """Heads from all there is to learn from; a label without a description is described by its name."""
    names = material.names
    texts, labels = [*material.texts, *names.values()], [*material.labels, *names]
    embeddings = numpy.concatenate([material.embeddings, await embedder.embed(list(names.values()))])
    weights = [1.0] * material.examples + [DESCRIPTION_WEIGHT] * (len(texts) - material.examples)
    return await asyncio.to_thread(learn, texts, labels, embeddings, weights, material.made_by)


def words_of_name(label: str) -> str:
    """The name of a label as a reader says it: `card_arrival` is "card arrival"."""
    return " ".join(_JOINTS.sub(" ", label).split())


def _names_of(labels: Collection[str]) -> dict[str, str]:
    """The names that hold a word; a number or a code describes nothing."""
    return {label: words for label in sorted(labels) if _WORD.search(words := words_of_name(label))}


def threshold_of(heads: Heads, costs: Costs) -> float:
    """The confidence below which a look costs less than errors would, by the rows that were held out."""
    told = heads.told
    return choose_threshold([each.confidence for each in told], [each.label == each.found for each in told], costs)


def _decode(data: bytes) -> Heads | None:
    try:
        return msgspec.msgpack.decode(data, type=Heads)
    except msgspec.ValidationError:  # Of another version.
        return None


async def _embed_again(
    link: Link, embedder: Embedder, set_id: int, rows: Sequence[tuple[int, Any]]
) -> dict[int, Vector]:
    """New embeddings by place, kept in the set."""
    fresh: dict[int, Vector] = {}
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        vectors = await embed_wholes(embedder, [row["text"] for _, row in part])
        values = ([row["digest"] for _, row in part], [to_database(vector) for vector in vectors], embedder.made_by)
        await link.use(partial(_keep, set_id, values))
        fresh.update(zip((at for at, _ in part), vectors, strict=True))
    return fresh


async def _keep(set_id: int, values: tuple[list[bytes], list[bytes], str], connection: Connection) -> None:
    await connection.execute(_OURS["embed_examples_again"], set_id, *values)


async def _described(link: Link, embedder: Embedder, set_id: int, rows: Sequence[Any], made_by: str) -> list[Vector]:
    """The embeddings of descriptions; those that another engine had made are made anew and kept."""
    strange = [row for row in rows if row["made_by"] != made_by]
    fresh: Sequence[Vector] = await embed_wholes(embedder, [row["text"] for row in strange]) if strange else []
    if strange:
        values = [row["label"] for row in strange], [to_database(vector) for vector in fresh], made_by
        await link.use(lambda c: c.execute(_OURS["embed_descriptions_again"], set_id, *values))
    turn = iter(fresh)
    return [from_database(row["embedding"]) if row["made_by"] == made_by else next(turn) for row in rows]
