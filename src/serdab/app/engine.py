"""The embedding engine of a home: started once its model and the libraries are there, left alone while one lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from serdab.app.errors import ModelMissing
from serdab.app.processes import living
from serdab.app.workflows import has_documents
from serdab.core import SerdabError, Settings
from serdab.engines import Embedder, EngineOptions, EngineProcess, MissingExtra, find_engine
from serdab.models import find_model, model_entry

log = logging.getLogger(__name__)

#: Seconds between looks whether the model has come, or another tree's engine has gone.
LOOK_EVERY_S = 2.0


def embedder_of(settings: Settings) -> Embedder:
    """A client of whichever engine of this home makes embeddings now."""
    entry = model_entry(settings.models.embedder, "models.embedder")
    return Embedder.of(settings, entry.name, entry.dimensions, entry.input_format)


def engine_process(settings: Settings) -> EngineProcess:
    """The engine of `models.embedder`, not yet started.

    Raises:
        MissingExtra: its libraries are not installed.
        ModelMissing: its weights are not here.
    """
    name = settings.models.embedder
    if not has_documents():
        raise MissingExtra
    entry = model_entry(name, "models.embedder")
    folder = find_model(name, settings)
    if folder is None:
        raise ModelMissing(f"expected the model {name} to be in this home, got none; say: serdab models pull {name}")
    options = EngineOptions(
        model=name,
        folder=folder,
        dimensions=entry.dimensions,
        precision=settings.models.precision,
        threads=settings.models.threads,
    )
    return EngineProcess(options, settings)


def check_engine(settings: Settings) -> None:
    """See that embeddings can be made in this home, before anything waits for them.

    Raises:
        MissingExtra, ModelMissing: they cannot.
    """
    if find_engine(settings, settings.models.embedder) is None:
        engine_process(settings)


@asynccontextmanager
async def some_engine(settings: Settings) -> AsyncIterator[Embedder]:
    """A client of this home's engine; when no tree is up to have one, of one that lives as long as the block.

    Raises:
        MissingExtra, ModelMissing: there can be none now.
        EngineFailed, EngineUnavailable: it does not start.
    """
    async with AsyncExitStack() as stack:
        if find_engine(settings, settings.models.embedder) is None and not living(settings, "up"):
            await stack.enter_async_context(engine_process(settings))
        yield await stack.enter_async_context(embedder_of(settings))


class EngineKeeper:
    """Sees to it that this home has one embedding engine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: EngineProcess | None = None
        self._told = False

    @property
    def restarts(self) -> int:
        """How often the engine was started again."""
        return self._process.restarts if self._process is not None else 0

    async def keep(self) -> None:
        """Start the engine as soon as that is possible, then let its process watch over itself."""
        while not await self._start():  # noqa: ASYNC110 - a model comes by a file, and files tell nobody
            await asyncio.sleep(LOOK_EVERY_S)

    async def stop(self) -> None:
        """End the engine that was started here."""
        process, self._process = self._process, None
        if process is not None:
            await process.stop()

    async def _start(self) -> bool:
        if find_engine(self._settings, self._settings.models.embedder) is not None:
            return False
        try:
            self._process = engine_process(self._settings)
            await self._process.start()
        except (MissingExtra, ModelMissing) as error:
            self._tell_once(error)
            return False
        except (SerdabError, OSError) as error:
            log.warning("engine did not start: %s", error, extra={"action": "engine_failed"})
            return False
        return True

    def _tell_once(self, error: SerdabError) -> None:
        if not self._told:
            self._told = True
            log.info("no embedding engine yet: %s", error, extra={"action": "engine_missing"})
