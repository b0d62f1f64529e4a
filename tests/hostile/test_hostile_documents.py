"""Documents made to break their reader: each ends with its text or a reason, in bounded time and memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from hostile_documents import hostile_documents

from serdab.flow.isolation import IsolatedPool, IsolatedTimeout, OutOfMemory, RemoteFailure
from serdab.knowledge.normalising import normalise_text

READ = "serdab.knowledge.isolated_reading:read"
MOST_BYTES = 52_428_800
TIMEOUT_S = 120.0
MEMORY_BYTES = 1024 << 20
#: Cases of which the reason, or a piece of the text, is known.
KNOWN = {
    "bomb.zip": "BombDocument", "bomb-by-many.zip": "BombDocument", "many.zip": "BombDocument",
    "bomb.docx": "BombDocument", "bomb.xlsx": "BombDocument", "bomb.pptx": "BombDocument",
    "locked.zip": "EncryptedDocument", "bomb.txt": "UnsupportedDocument", "nested-a.docx": "MalformedDocument",
    "nested-1000.eml": "MalformedDocument", "pages-100000.pdf": "TextlessDocument",
    "renamed-a.txt.exe": "UnsupportedDocument",
    "renamed-a.txt.pdf": "MalformedDocument",
    "laughs-invoice.xml": "MalformedDocument", "outside-invoice.xml": "MalformedDocument",
    "outside-attribute.xml": "MalformedDocument", "nested-invoice.xml": "MalformedDocument",
    "nested-closed-invoice.xml": "MalformedDocument", "attribute-huge.xml": "TooLargeDocument",
    "encoding-wrong.xml": "MalformedDocument", "cut-90-ubl.xml": "MalformedDocument",
    "other.xml": "UnsupportedDocument",
}  # fmt: skip
TEXTS = {
    "macro-a.docm": "After the table", "macro-a.xlsm": "Paper", "macro-a.pptm": "Upper box", "nested-div.html": "deep",
    "nested-closed.html": "deep", "renamed-a.pdf.docx": "Total due 80.00", "far.xlsx": "Notes",
    "slanted.pdf": "slanted", "xref-broken.pdf": "text", "box-upside.pdf": "text", "header-words.eml": "text",
    "cut-90-embedded.pdf": "not read, expected the electronic invoice", "lines-many.xml": "Amount due: 1000.00 EUR",
    "laughs-embedded.pdf": "Amount due: 1,000.00 EUR", "number-power.xml": "Amount due: 1e999999999 EUR",
}  # fmt: skip
FORBIDDEN = ("hahahahahaha", "root:x:0", "AutoOpen")


async def outcome(pool: IsolatedPool, path: Path) -> tuple[str, str]:
    """The class of the refusal, or "text", and what was read."""
    payload = msgspec.json.encode([[str(path), MOST_BYTES], {}])
    try:
        answer = await pool.call(READ, payload, timeout_s=TIMEOUT_S, memory_bytes=MEMORY_BYTES)
    except RemoteFailure as failure:
        if not any(kind.endswith(".RefusedDocument") for kind in failure.kinds) or "expected" not in failure.message:
            raise
        return failure.kind.rpartition(".")[2], ""
    except (OutOfMemory, IsolatedTimeout) as bounded:
        return type(bounded).__name__, ""
    found: dict[str, Any] = msgspec.json.decode(answer)
    return "text", found["text"]


async def test_every_hostile_document_ends_with_its_text_or_a_reason_and_the_others_go_on(tmp_path: Path) -> None:
    ends: dict[str, str] = {}
    waiting = enumerate(hostile_documents())
    async with IsolatedPool(2) as pool:

        async def read_on() -> None:
            for number, (name, data) in waiting:
                folder = tmp_path / str(number)
                folder.mkdir()
                path = folder / name.replace("/", "_").replace("\0", "_")
                path.write_bytes(data)
                end, text = await outcome(pool, path)
                assert name not in ends, f"two cases have the name {name}"
                ends[name] = end
                assert TEXTS.get(name, "") in text, name
                assert not any(word in text for word in FORBIDDEN), name
                if len(text) < 100_000:
                    normal = normalise_text(text).text
                    assert normal.encode() is not None
                path.unlink()

        async with asyncio.TaskGroup() as readers:
            readers.create_task(read_on())
            readers.create_task(read_on())
        good = tmp_path / "good.txt"
        good.write_text("a good document")
        assert await outcome(pool, good) == ("text", "a good document")
    assert len(ends) >= 300
    assert {name: ends[name] for name in KNOWN} == KNOWN
    counts = Counter(ends.values())
    # Time and memory are the last resort: hardly any document needs it.
    assert counts["IsolatedTimeout"] + counts["OutOfMemory"] <= len(ends) // 50, counts
