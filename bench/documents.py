"""Documents a minute, end to end: short messages and PDFs of five pages through `serdab run triage`, as people run it.

A fresh home with the tree up and the sample labels; each batch has texts that were never seen before. What is counted
goes from the first start call to the last outcome, as `serdab run` tells it: read, split, embedded, classified, fields
extracted, similar ones found, delivered, recorded. While one more batch of PDFs comes in, questions are embedded one
after the other: how long each waits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import conditions, percentile, publish
from serdab.engines import Embedder

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from make_samples import json_lines, pdf  # noqa: E402 - a script beside this folder
from sample_texts import LABELS, LONG_CONTRACT  # noqa: E402

MODEL, DIMENSIONS = "all-MiniLM-L6-v2", 384
#: Seconds until a batch that was just started is under way, and between two questions.
UNDER_WAY_S, PAUSE_S = 3.0, 0.1
#: A page has about 3,000 characters and 590 tokens, as the pages of real contracts have on average.
PAGES, LINES, LINE_CHARACTERS = 5, 40, 75
#: One sentence of a page in so many has figures; a message always has them.
FIGURES_EVERY = 8
MESSAGES = [text for texts in LABELS.values() for text in texts if text.isascii()]
#: Its lines are cut within words.
CLAUSES = (paragraph.partition("\n")[2].replace("\n", "") for paragraph in LONG_CONTRACT.split("\n\n")[2:-1])
SENTENCES = sorted({f"{each.rstrip('.')}." for clause in CLAUSES for each in clause.split(". ")})


def message(source: random.Random) -> str:
    """One of our sample messages with figures of its own."""
    name = source.choice(["Bergmann", "Okafor", "Lindqvist", "Haddad", "Moreau", "Tanaka"])
    return f"{source.choice(MESSAGES)} {name} {source.randrange(10**6)}, {source.randrange(10, 9999)}.50 EUR."


def sentence(source: random.Random) -> str:
    """A sentence of a page."""
    return message(source) if source.randrange(FIGURES_EVERY) == 0 else source.choice(SENTENCES)


def page_text(source: random.Random) -> str:
    """As many pages of running text as `PAGES`."""
    lines: list[str] = []
    line = ""
    while len(lines) < PAGES * LINES:
        for word in sentence(source).split():
            if len(line) + len(word) >= LINE_CHARACTERS:
                lines.append(line)
                line = ""
            line += word + " "
    return "\n".join(lines[: PAGES * LINES])


def write_messages(folder: Path, count: int, source: random.Random) -> None:
    rows = ({"id": str(number), "text": message(source)} for number in range(count))
    (folder / "messages.jsonl").write_text(json_lines(rows), "utf-8")


def write_pdfs(folder: Path, count: int, source: random.Random) -> None:
    for number in range(count):
        (folder / f"{number}.pdf").write_bytes(pdf(page_text(source)))


KINDS: dict[str, tuple[Callable[[Path, int, random.Random], None], str]] = {
    "short": (write_messages, "messages of a hundred characters"),
    "pdf": (write_pdfs, f"PDFs of {PAGES} pages"),
}


class House:
    """The command line in a home of its own."""

    def __init__(self, home: Path, precision: str) -> None:
        self._environment = {**os.environ, "SERDAB_HOME": str(home), "SERDAB_MODELS_PRECISION": precision}

    def say(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "serdab.cli", *arguments]
        return subprocess.run(command, env=self._environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def per_minute(self, kind: str, count: int, seed: int) -> float:
        with tempfile.TemporaryDirectory() as name:
            KINDS[kind][0](Path(name), count, random.Random(seed))
            told = json.loads(self.say("run", "triage", name, "--json"))
        if told["failures"]:
            raise RuntimeError(f"expected every document to be recorded, got {told['failures'][:1]}")
        return float(told["documents_per_minute"])

    def question_waits(self, count: int, seed: int) -> list[float]:
        """How long each of some questions waited for its embedding while PDFs came in, ms."""
        processes = json.loads(self.say("status", "--json"))["processes"]
        engine = next(each["url"] for each in processes if each["role"] == "engine")
        with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as told:
            write_pdfs(Path(name), count, random.Random(seed))
            command = [sys.executable, "-m", "serdab.cli", "run", "triage", name, "--json"]
            with subprocess.Popen(command, env=self._environment, stdout=told) as batch:
                return asyncio.run(ask_meanwhile(engine, batch))


async def ask_meanwhile(engine: str, batch: subprocess.Popen[bytes]) -> list[float]:
    waits = []
    async with Embedder(engine, DIMENSIONS, deadline_s=60) as embedder:
        await asyncio.sleep(UNDER_WAY_S)
        while batch.poll() is None:
            began = time.perf_counter()
            await embedder.embed_questions([f"the unpaid invoice {len(waits)}"])
            waits.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(PAUSE_S)
    return waits


@contextmanager
def house(precision: str) -> Iterator[House]:
    """A fresh home that is up, with labels."""
    with tempfile.TemporaryDirectory(prefix="serdab-bench-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o711)
        opened = House(Path(name), precision)
        opened.say("models", "pull", MODEL)
        opened.say("up", "--detach")
        try:
            opened.say("labels", "import", str(ROOT / "src" / "serdab" / "knowledge" / "samples" / "labels.jsonl"))
            yield opened
        finally:
            opened.say("down")


def main(arguments: argparse.Namespace) -> None:
    counts = {"short": arguments.short, "pdf": arguments.pdf}
    found: dict[str, dict[str, Any]] = {}
    for precision in arguments.precision.split(","):
        with house(precision) as opened:
            for kind, count in counts.items():
                opened.per_minute(kind, 10, 0)
                rates = [opened.per_minute(kind, count, seed) for seed in range(1, arguments.repeat + 1)]
                found.setdefault(precision, {})[kind] = [round(rate) for rate in rates]
            waits = opened.question_waits(counts["pdf"], arguments.repeat + 1)
            found[precision]["question_ms"] = {f"p{at}": round(percentile(waits, at / 100)) for at in (50, 95)}
    rows = [
        (f"{KINDS[kind][1]}, {precision}", f"{statistics.median(rates):,.0f} a minute ({', '.join(map(str, rates))})")
        for precision, kinds in found.items()
        for kind, rates in kinds.items()
        if kind in KINDS
    ]
    rows += [
        (f"a question while PDFs come in, {precision}, ms", f"p50 {waits['p50']}, p95 {waits['p95']}")
        for precision, waits in ((precision, kinds["question_ms"]) for precision, kinds in found.items())
    ]
    publish("documents", {**found, "conditions": conditions(documents=counts, model=MODEL)}, rows, arguments.json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=4000, help="messages in a batch")
    parser.add_argument("--pdf", type=int, default=60, help="PDFs in a batch")
    parser.add_argument("--repeat", type=int, default=3, help="batches; the median is shown")
    parser.add_argument("--precision", default="f32,bf16,int8", help="in turns, each in a home of its own")
    parser.add_argument("--json", action="store_true")
    main(parser.parse_args())
