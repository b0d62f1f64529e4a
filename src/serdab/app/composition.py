"""From the settings to what everything else is given: the resources of steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from serdab.app.engine import embedder_of
from serdab.app.workflows import has_documents, queues_of
from serdab.core import Settings
from serdab.store import Database


@asynccontextmanager
async def resources(settings: Settings, database: Database) -> AsyncIterator[Sequence[object]]:
    """What `resource(Type)` finds in a step: nothing here is connected before it is used."""
    async with AsyncExitStack() as stack:
        made: list[object] = [settings, database]
        if has_documents():
            from serdab.guard import Fetcher
            from serdab.knowledge import Classifier, Delivery, Index, languages_coming, triage

            queues = queues_of(settings)
            if queues is None or triage.queue in queues:
                await stack.enter_async_context(languages_coming())
            fetcher = await stack.enter_async_context(Fetcher.of(settings))
            made.append(await stack.enter_async_context(embedder_of(settings)))
            made.append(await stack.enter_async_context(Classifier(database)))
            made.append(await stack.enter_async_context(Index(database)))
            made.append(await stack.enter_async_context(Delivery(settings, fetcher)))
        yield made
