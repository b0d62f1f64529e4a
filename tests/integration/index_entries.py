"""Documents of a few words for an index."""

from __future__ import annotations

import datetime
import hashlib

from serdab.knowledge import Entry, Passage, document_id_of


def entry(source: str, text: str, seen_at: datetime.datetime | None = None) -> Entry:
    """A document of one passage; its title is its text."""
    digest = hashlib.sha256(text.encode()).digest()
    return Entry(
        document_id=document_id_of(source, digest),
        digest=digest,
        source=source,
        title=text,
        media_type="text/plain",
        lang="en",
        doc_type="",
        characters=len(text),
        passages=[Passage(start=0, end=len(text), text=text)],
        seen_at=seen_at,
    )
