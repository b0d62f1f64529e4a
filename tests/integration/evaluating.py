"""An evaluation as a process that can be killed: `python evaluating.py FILE URL-OF-ENGINE`, settings from outside."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from serdab.core import load_settings
from serdab.engines import Embedder
from serdab.flow import Serdab
from serdab.knowledge import evaluate_triage
from word_engine import DIMENSIONS


async def _evaluate(file: Path, url: str) -> None:
    async with Serdab.connect(load_settings()) as serdab, Embedder(url, DIMENSIONS, deadline_s=60) as embedder:
        print((await evaluate_triage(serdab, embedder, file, across=True)).recorded)


if __name__ == "__main__":
    asyncio.run(_evaluate(Path(sys.argv[1]), sys.argv[2]))
