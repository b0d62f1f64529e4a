"""The main job as a durable workflow: a document is read, understood, put beside its like, and a receipt delivered.

read → normalise → split → embed → classify ∥ extract ∥ find similar → deliver
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec
import numpy

from serdab.core import Settings, expected, time_of, without_passwords
from serdab.engines import Embedder
from serdab.flow import Backoff, Retry, current_run_id, gather, progress, resource, step, workflow
from serdab.knowledge.classification import DEFAULT_SET, Classifier, Verdict
from serdab.knowledge.delivery import Delivery, key_of
from serdab.knowledge.extracting import Extracted, Summary, extract_all
from serdab.knowledge.extraction import Field, Record
from serdab.knowledge.facts import facts_of
from serdab.knowledge.index import Entry, Index, Outcome, Passage, document_id_of
from serdab.knowledge.isolated_reading import Reading, bounded_read
from serdab.knowledge.languages import language_of_mail, load_languages_once
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import (
    MAIL,
    EmptyDocument,
    MailPart,
    Refusal,
    Source,
    find_mail_parts,
    path_to_text,
    refused,
)
from serdab.knowledge.splitting import split_text
from serdab.knowledge.vectors import from_text, middle_of, to_text

T = TypeVar("T")

QUEUE = "documents"
#: For what lies outside of the worker: the engine, the index.
PATIENT = Retry(attempts=8, backoff=Backoff(first_s=0.5, most_s=30))
#: For the place of delivery, which somebody may have to start again: ten minutes or more.
LASTING = Retry(attempts=12, backoff=Backoff(first_s=1, most_s=600))
#: Chunks of one document that are embedded and found again, 250 pages or more: up to half a minute of work on two
#: cores, of which others wait for the last seconds, when all come into the index at once. A receipt tells both numbers.
MOST_INDEXED = 1_000
#: Chunks that are embedded at once, about two seconds of work: the documents beside a long one wait no longer.
CHUNKS_AT_ONCE = 128
#: Similar documents that a receipt names.
SIMILAR = 5
#: Length from which on plain computing leaves the worker's loop for a thread, characters.
LONG = 20_000
#: Chunks from which on the progress of a run is worth telling.
_TELL_FROM = 16


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of `triage` is given: a file by its path, or a text."""

    #: Where it comes from, for people and as part of its identity: a path, a message id, a row of a table. Other
    #: content from the same source is a new version, and search no longer finds the old one.
    source: str
    #: The file to read, a `file:` URI where its name is no UTF-8; None: `text` is the document.
    path: str | None = None
    text: str | None = None
    title: str = ""
    media_type: str = ""
    #: What kind the one who brings it says it is; may be empty.
    doc_type: str = ""
    #: Two letters, or empty: found from the text.
    lang: str = ""
    label_set: str = DEFAULT_SET
    #: Folder or URL for the receipt; empty: as the settings say.
    deliver_to: str = ""
    #: Largest file that is read, bytes.
    most_bytes: int = 52_428_800
    #: The document in the archive at `path`; empty: the file itself.
    member: str = ""
    #: Documents that are brought together, for results and reports; empty: alone.
    batch: str = ""
    #: Why it cannot be had, which ends its run at once; None: it can.
    refusal: Refusal | None = None


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A document of this house that is like the one of the receipt."""

    document_id: UUID
    source: str
    title: str
    label: str | None
    similarity: float
    snippet: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a document."""

    document_id: UUID
    source: str
    title: str
    media_type: str
    lang: str
    doc_type: str
    characters: int
    chunks: int
    #: Chunks that can be found again: all, but in a very long document only the first.
    chunks_indexed: int
    label: str | None
    confidence: float
    reasons: list[str]
    #: Everything found in the text, with its place.
    fields: list[Field]
    #: The one value for each name that documents usually have; null or empty where none was found.
    summary: Summary
    similar: list[Similar]
    #: Without what is secret in a URL.
    delivered_to: str
    #: For a mail the id of the one that began the conversation; else empty.
    thread: str = ""
    #: Typed values, rows and what needs a look, by the schema of its type; None when no schema fits.
    record: Record | None = None
    #: As the document was brought.
    batch: str = ""
    #: A person should look at the label; the last of the reasons says why.
    abstained: bool = False
    #: Of a mail: what its writer wrote, what is quoted, what is a signature, by places in the normalised text.
    parts: list[MailPart] = []
    #: When it was brought: of two receipts from one source the later one counts, whichever arrives first.
    seen_at: datetime.datetime | None = None

    @property
    def read_as(self) -> str:
        """The schema of its record, chosen by `doc_type` or, without one, by the text; empty: none fits."""
        return "" if self.record is None else self.record.schema


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A document by its id, in normal form."""

    document_id: UUID
    digest: str
    title: str
    media_type: str
    lang: str
    text: str
    #: Of a mail.
    parts: list[MailPart] = []


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """What a document means as a whole, and how many of its chunks the index holds."""

    #: Base64 of float32.
    vector: str
    indexed: int
    #: Model and precision of the vector; empty: not known.
    made_by: str = ""
    #: As the index has it; a redriven run, which keeps this step, has it from the first one. None: not recorded then.
    seen_at: datetime.datetime | None = None


@step
async def normalise(reading: Reading, document: Document) -> Known:
    """The text in normal form, with its language and the id of the document."""
    await load_languages_once()
    found = await _compute(len(reading.text), normalise_text, reading.text)
    if not found.text:
        raise EmptyDocument(expected(f"the document {document.source}", "a text with words", "an empty one"))
    media_type = document.media_type or reading.media_type
    title, lang = document.title or reading.title, found.lang
    parts: Sequence[MailPart] = ()
    if media_type == MAIL:
        parts = await _compute(len(found.text), find_mail_parts, found.text)
        own = "\n".join(found.text[part.start : part.end] for part in parts if part.kind == "own")
        lang = language_of_mail(title, own, found.text)
    return Known(
        document_id=document_id_of(document.source, bytes.fromhex(reading.digest)),
        digest=reading.digest,
        title=title,
        media_type=media_type,
        lang=document.lang or lang,
        text=found.text,
        parts=list(parts),
    )


@step
async def split(text: str) -> list[tuple[int, int]]:
    """Where the chunks of a text begin and end."""
    input_format = resource(Embedder).input_format
    return [(chunk.start, chunk.end) for chunk in await _compute(len(text), split_text, text, input_format)]


@step(retries=PATIENT)
async def embed(known: Known, chunks: list[tuple[int, int]], source: str, doc_type: str) -> Embedded:
    """The meaning of each chunk, put into the index, and that of the whole."""
    passages = [Passage(start=start, end=end, text=known.text[start:end]) for start, end in chunks[:MOST_INDEXED]]
    embedder = resource(Embedder)
    texts = [passage.text for passage in passages]
    parts = [
        await embedder.embed(texts[start : start + CHUNKS_AT_ONCE]) for start in range(0, len(texts), CHUNKS_AT_ONCE)
    ]
    vectors = numpy.concatenate(parts)
    # A try that comes late must not make an older version the newest.
    seen_at = _seen_at()
    entry = Entry(
        document_id=known.document_id,
        digest=bytes.fromhex(known.digest),
        source=source,
        title=known.title,
        media_type=known.media_type,
        lang=known.lang,
        doc_type=doc_type,
        characters=len(known.text),
        passages=passages,
        seen_at=seen_at,
    )
    made_by = embedder.made_by
    await resource(Index).add(entry, vectors, made_by)
    return Embedded(vector=to_text(middle_of(vectors)), indexed=len(passages), made_by=made_by, seen_at=seen_at)


@step(retries=PATIENT)
async def classify(text: str, vector: str, label_set: str, made_by: str = "") -> Verdict:
    """What kind of document it is, by the labels that people gave others."""
    return await resource(Classifier).classify(text, from_text(vector), label_set, made_by)


@step(timeout_s=60)
async def extract(text: str, lang: str, doc_type: str = "", electronic_page: int = 0) -> Extracted:
    """Dates, amounts, parties and the like, each with its place, and the record by the schema of the type."""
    schemas = resource(Settings).documents.schemas
    return await _compute(len(text), extract_all, text, lang, doc_type, schemas, electronic_page)


@step(retries=PATIENT)
async def find_similar(text: str, vector: str, document_id: UUID) -> list[Similar]:
    """The documents that are most like this one, itself left out."""
    found = await resource(Index).find_similar(from_text(vector), text, SIMILAR, document_id)
    return [
        Similar(
            document_id=each.document_id,
            source=each.source,
            title=each.title,
            label=each.label,
            similarity=round(each.similarity, 4),
            snippet=each.snippet,
        )
        for each in found
    ]


@step(retries=LASTING)
async def deliver(receipt: Receipt, deliver_to: str) -> str:
    """Note what was found out and take the receipt to its place; gives the place as it may be shown."""
    delivery = resource(Delivery)
    place = delivery.place_of(receipt.document_id, deliver_to)
    shown = without_passwords(place)
    body = msgspec.json.encode(msgspec.structs.replace(receipt, delivered_to=shown))
    outcome = Outcome(
        document_id=receipt.document_id,
        run_id=current_run_id(),
        batch=receipt.batch,
        label=receipt.label,
        confidence=receipt.confidence,
        facts=facts_of(_values(receipt)),
        body=body,
        read_as=receipt.read_as,
    )
    await resource(Index).note(outcome)
    await delivery.deliver(place, body, key_of(body))
    return shown


def _seen_at() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(time_of(current_run_id()), datetime.UTC)


def _values(receipt: Receipt) -> Summary:
    """The values of a receipt by name: those of its record go before the usual ones."""
    values = dict(receipt.summary)
    if receipt.record is not None:
        named: dict[str, list[str]] = {}
        for each in receipt.record.values:
            named.setdefault(each.name, []).append(each.value)
        values |= named
    return values


@workflow(queue=QUEUE)
async def triage(document: Document) -> Receipt:
    """Read a document, understand it, put it beside its like, deliver a receipt."""
    if document.refusal is not None:
        raise refused(document.refusal.code, document.refusal.reason)
    reading = _taken(document) if document.path is None else await _read(document)
    known = await normalise(reading, document)
    chunks = await split(known.text)
    long = len(chunks) >= _TELL_FROM
    if long:
        await progress(0.2, f"reading the meaning of {len(chunks)} parts")
    embedded = await embed(known, chunks, document.source, document.doc_type)
    if long:
        await progress(0.7, "classifying, extracting, comparing")
    verdict, extracted, similar = await gather(
        classify(known.text, embedded.vector, document.label_set, embedded.made_by),
        extract(known.text, known.lang, document.doc_type, reading.electronic_page),
        find_similar(known.text, embedded.vector, known.document_id),
    )
    receipt = Receipt(
        document_id=known.document_id,
        source=document.source,
        title=known.title,
        media_type=known.media_type,
        lang=known.lang,
        doc_type=document.doc_type,
        characters=len(known.text),
        chunks=len(chunks),
        chunks_indexed=embedded.indexed,
        label=verdict.label,
        confidence=round(verdict.confidence, 4),
        reasons=verdict.reasons,
        fields=extracted.fields,
        summary=extracted.summary,
        similar=similar,
        delivered_to="",
        thread=reading.thread,
        record=extracted.record,
        batch=document.batch,
        abstained=verdict.abstained,
        parts=known.parts,
        seen_at=embedded.seen_at or _seen_at(),
    )
    place = await deliver(receipt, document.deliver_to)
    return msgspec.structs.replace(receipt, delivered_to=place)


async def _read(document: Document) -> Reading:
    """A file, read under the limits of the worker that does it."""
    settings = resource(Settings)
    recognises = settings.documents.ocr != "off"
    return await bounded_read(settings)(document.path or "", document.most_bytes, document.member, recognises)


def document_of(
    source: Source | Refusal, settings: Settings, *, label_set: str = DEFAULT_SET, deliver_to: str = "", batch: str = ""
) -> Document:
    """What a run is given for what `find_sources` finds; the run of what cannot be had fails with its reason."""
    if isinstance(source, Refusal):
        return Document(source=source.name, label_set=label_set, deliver_to=deliver_to, batch=batch, refusal=source)
    return Document(
        source=source.name,
        path=None if source.path is None else path_to_text(source.path),
        text=source.text,
        doc_type=source.doc_type,
        lang=source.lang,
        label_set=label_set,
        deliver_to=deliver_to,
        most_bytes=settings.documents.most_bytes,
        member=source.member,
        batch=batch,
    )


def _taken(document: Document) -> Reading:
    """A document that came as text."""
    text = document.text or ""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Reading(text=text, title="", media_type="text/plain", digest=digest)


async def _compute(size: int, work: Callable[..., T], *args: object) -> T:
    """Plain computing: at once when it takes a moment, in a thread when the worker's other runs would notice."""
    return work(*args) if size < LONG else await asyncio.to_thread(work, *args)
