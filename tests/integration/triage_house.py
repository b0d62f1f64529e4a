"""A worker for `triage` inside a test, with an engine of words."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from serdab.core import Settings
from serdab.engines import Embedder
from serdab.flow import Worker
from serdab.guard import AllowList, Fetcher
from serdab.knowledge import Classifier, Delivery, Index, triage
from serdab.store import Database


def unhurried(settings: Settings) -> Settings:
    """A lease that outlives a machine that stands still: nobody dies here, and each step is to be tried once."""
    return msgspec.structs.replace(settings, flow=msgspec.structs.replace(settings.flow, lease_s=60.0))


@contextlib.asynccontextmanager
async def working(settings: Settings, database: Database, embedder: Embedder) -> AsyncIterator[Index]:
    """A running worker; its index."""
    settings = unhurried(settings)
    async with (
        Fetcher(AllowList.read(settings.guard.allow)) as fetcher,
        Classifier(database) as classifier,
        Index(database) as index,
        Delivery(settings, fetcher) as delivery,
        Worker(settings, database, [triage], resources=[settings, embedder, classifier, index, delivery]),
    ):
        yield index
