"""Downloads that go on where they stopped and are believed only by their digest."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from serdab.core import expected, private_folder
from serdab.models.errors import ModelDamaged, PullFailed
from serdab.models.hub import REFUSALS, todo_of_refusal

#: Called with bytes so far and bytes in all (0: unknown).
OnProgress = Callable[[int, int], None]

BLOCK = 1 << 20
TRIES = 5
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)


async def download(
    url: str,
    target: Path,
    sha256: str | None,
    on_progress: OnProgress,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Bring a file, resuming what an earlier try left in `target`.partial.

    Args:
        url: where it is.
        target: where it shall be.
        sha256: its digest; None: not known.
        on_progress: called with bytes so far and bytes in all.
        headers: sent to the host of the URL alone, like the token of a hub.

    Raises:
        PullFailed: the other side does not answer, or has no such file, after some tries.
        ModelDamaged: the whole file came, and its digest is another one; the partial file is removed.
    """
    partial = target.with_name(target.name + ".partial")
    private_folder(target.parent)
    if urlsplit(url).scheme == "file":
        await asyncio.to_thread(_copy, Path(unquote(urlsplit(url).path)), partial, on_progress)
    else:
        await _fetch_with_tries(url, partial, on_progress, headers or {})
    found = await asyncio.to_thread(_digest, partial)
    if sha256 is not None and found != sha256:
        partial.unlink()
        raise ModelDamaged(expected(f"the file of {url.split('?')[0]}", f"of SHA-256 {sha256[:16]}…", found[:16] + "…"))
    os.replace(partial, target)


async def _fetch_with_tries(url: str, partial: Path, on_progress: OnProgress, headers: Mapping[str, str]) -> None:
    async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
        for attempt in range(1, TRIES + 1):
            try:
                await _fetch(session, url, partial, on_progress, headers)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                if attempt == TRIES:
                    raise PullFailed(
                        f"expected {url.split('?')[0]} to come, got {type(error).__name__}: {error} after {TRIES} "
                        "tries; what came is kept, say it again to go on"
                    ) from error
                await asyncio.sleep(0.2 * 2**attempt)
            else:
                return


async def _fetch(
    session: aiohttp.ClientSession, url: str, partial: Path, on_progress: OnProgress, headers: Mapping[str, str]
) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    # Not compressed: what was promised, what came and where to go on are then counted in the same bytes.
    asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    async with session.get(url, headers={**headers, **asked}) as answer:
        if answer.status == 416:  # nothing is missing, or what we have is too long: the digest will tell
            return
        if answer.status not in (200, 206):
            todo = todo_of_refusal(headers) if answer.status in REFUSALS else ""
            raise PullFailed(expected(f"the answer of {url.split('?')[0]}", "200 or 206", answer.status, todo))
        resumed = answer.status == 206
        done = have if resumed else 0
        total = done + (answer.content_length or 0)
        with partial.open("ab" if resumed else "wb") as file:
            async for block in answer.content.iter_chunked(BLOCK):
                file.write(block)
                done += len(block)
                on_progress(done, total)
            file.flush()
            os.fsync(file.fileno())
    if total and done < total:
        raise aiohttp.ClientPayloadError(f"{done:,} of {total:,} bytes")


def _copy(source: Path, partial: Path, on_progress: OnProgress) -> None:
    try:
        size = source.stat().st_size
        with source.open("rb") as reading, partial.open("wb") as writing:
            while block := reading.read(BLOCK):
                writing.write(block)
                on_progress(writing.tell(), size)
    except OSError as error:
        raise PullFailed(expected(f"the file {source}", "there and readable", str(error))) from error


def _digest(path: Path) -> str:
    if not path.exists():
        raise PullFailed(expected(f"{path.name}", "downloaded", "nothing"))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
