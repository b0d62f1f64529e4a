"""The label commands as a person types them: an embedded database, real documents, a real terminal."""

from __future__ import annotations

import asyncio
import csv
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import sys
import tempfile
import termios
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from serdab.core import Settings, child_environment, load_settings
from serdab.engines.addresses import EngineAddress, write_address
from word_engine import DIMENSIONS, word_engine

MODEL = "all-MiniLM-L6-v2"
WORDS = {"stolen": "card stolen lost thief abroad pickpocket", "rate": "exchange rate euro dollar percent bank"}
ARABIC = "البطاقة مسروقة في المطار وأريد إيقافها اليوم"


@dataclass(frozen=True)
class House:
    """A home with an embedded database and an engine of words that its commands find."""

    settings: Settings
    folder: Path

    async def __call__(self, *words: str, code: int = 0, stdin: bytes = b"") -> str:
        """What a command says, on both streams."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "serdab.cli", *words, env=child_environment(self.settings), cwd=self.folder,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(stdin), 100)
        assert process.returncode == code, out.decode()
        return out.decode()

    async def json(self, *words: str) -> Any:
        return json.loads(await self(*words, "--json"))


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="serdab-labels-"))
    os.chmod(folder, 0o711)
    settings = load_settings(
        [f"home={folder}/home", "database.memory_mb=128", "workers.processes=1", "http.port=0"], environ={}
    )
    async with word_engine() as (_, engine):
        me = psutil.Process()
        write_address(
            settings,
            EngineAddress(
                url=engine.url, pid=me.pid, started_at=me.create_time(), model=MODEL, dimensions=DIMENSIONS,
                precision="f32",
            ),
        )  # fmt: skip
        house = House(settings, folder)
        inbox = folder / "inbox"
        inbox.mkdir()
        for label, words in WORDS.items():
            for number in range(6):
                (inbox / f"{label}-{number}.txt").write_text(
                    f"{' '.join(words.split()[: 3 + number % 3])} case {number}"
                )
        with (folder / "kinds.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "label"))
            rows.writerows((_text(words.split(), n), label) for label, words in WORDS.items() for n in range(40))
        await house("labels", "import", "kinds.csv", "--into", "kinds")
        await house("run", "triage", "inbox", "--label-set", "kinds", "--batch", "first")
        await house("up", "--detach")
        yield house
        await house("down")
    shutil.rmtree(folder, ignore_errors=True)


def _text(words: list[str], n: int) -> str:
    return f"{words[n % 6]} {words[n // 6 % 6]} {words[n // 2 % 6]} number{n}"


@dataclass
class Terminal:
    """A person at a terminal: reads the screen, types, presses Ctrl-C."""

    process: asyncio.subprocess.Process
    master: int
    #: All that came; what is read may end in the middle of a letter or of the end of a line.
    raw: bytearray = field(default_factory=bytearray)
    read_to: int = field(default=0)

    @property
    def screen(self) -> str:
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    async def sees(self, text: str) -> str:
        """Wait until a text stands on the screen after what was seen before; all of it until there."""
        async with asyncio.timeout(60):
            while text not in self.screen[self.read_to :]:
                assert self.process.returncode is None, self.screen
                await asyncio.sleep(0.02)
        begin, self.read_to = self.read_to, self.screen.index(text, self.read_to) + len(text)
        return self.screen[begin : self.read_to]

    def types(self, text: str) -> None:
        os.write(self.master, text.encode())

    async def ends(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 60)


async def at_terminal(house: House, columns: int, *words: str) -> Terminal:
    """Start a command at a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c",
        "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); sys.argv[0] = 'serdab'; "
        "from serdab.cli import main; main()",
        *words, env={**child_environment(house.settings), "TERM": "xterm"}, cwd=house.folder,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    terminal = Terminal(process, master)

    def more() -> None:
        try:
            terminal.raw += os.read(master, 65536)
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(master)

    asyncio.get_running_loop().add_reader(master, more)
    return terminal


async def _count(house: House) -> int:
    return sum(each["examples"] for each in await house.json("labels", "show", "kinds"))


async def test_labels_are_brought_described_and_measured(house: House) -> None:
    again = await house("labels", "import", "kinds.csv", "--into", "kinds")
    assert "0 examples added to kinds, 80 known before" in again
    assert "kinds" in await house("labels", "list")
    assert {each["name"]: each["labels"] for each in await house.json("labels", "list")}["kinds"] == 2

    (house.folder / "kinds.yaml").write_text("card: About a card.\nmoney: About an exchange of money.\n")
    assert "2 labels of new described" in await house("labels", "describe", "new", "--file", "kinds.yaml")
    assert "1 label of new described" in await house("labels", "describe", "new", "pin", "About a forgotten PIN.")
    shown = await house("labels", "show", "new")
    assert "About a forgotten PIN." in shown
    assert "3 labels, 0 examples, 3 descriptions" in shown
    new = next(each for each in await house.json("labels", "list") if each["name"] == "new")
    assert new == {"name": "new", "examples": 0, "descriptions": 3, "labels": 3}
    assert "new has 3 descriptions of 3 labels: too few examples" in await house("labels", "train", "new")

    trained = await house("labels", "train", "kinds", "--cost-wrong", "10", "--cost-look", "1")
    assert "learned from" in trained
    score = await house.json("labels", "evaluate", "kinds")
    assert score["accuracy"] > 0.9
    assert "macro F1" in await house("labels", "evaluate", "kinds")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "no-such.csv"], "no-such.csv"),
        (["show", "nobody"], "serdab labels list"),
        (["show", "kind"], "did you mean kinds? "),
        (["remove", "kind", "--yes"], "did you mean kinds? "),
        (["remove", "kinds"], "say --yes"),
        (["describe", "kinds"], "LABEL and TEXT"),
        (["review", "kinds", "--import", "no-such.csv"], "no-such.csv"),
        (["review", "kinds"], "--export FILE"),
        (["review", "new"], "--export FILE"),
    ],
)
async def test_what_cannot_be_done_with_labels_is_told_with_what_to_do(
    house: House, words: list[str], said: str
) -> None:
    told = await house("labels", *words, code=2)
    assert said in told
    assert "Errno" not in told
    assert "→" in told


async def test_the_rows_of_a_sheet_are_evaluated_and_what_is_not_compared_is_said(house: House) -> None:
    measured = await house.json("evaluate", "triage", "kinds.csv", "--across")
    assert (measured["documents"], measured["compared"]) == (80, 80)
    told = await house("evaluate", "triage", "kinds.csv", "--limit", "10")
    assert "10: 10 recorded" in told
    assert "no accuracy of 10 labels" in told
    assert "say --across" in told
    (house.folder / "other.csv").write_text("body,kind\nhello,mail\n")
    told = await house("evaluate", "triage", "other.csv", code=2)
    assert "expected the first line of other.csv to be the columns text and label, got 'body,kind'" in told


async def test_a_set_is_removed_when_a_person_says_so_twice(house: House) -> None:
    for name in ("old", "older"):
        await house("labels", "describe", name, "pin", "About a forgotten PIN.")
    terminal = await at_terminal(house, 80, "labels", "remove", "old")
    await terminal.sees("remove old with 1 description of 1 label? y/n ")
    terminal.types("n\n")
    await terminal.sees("old stays as it is")
    assert await terminal.ends() == 1
    terminal = await at_terminal(house, 80, "labels", "remove", "old")
    await terminal.sees("y/n ")
    terminal.types("y\n")
    await terminal.sees("old is removed")
    assert await terminal.ends() == 0
    gone = await house.json("labels", "remove", "older", "--yes")
    assert gone == {"name": "older", "examples": 0, "descriptions": 1, "labels": 1}
    assert not {"old", "older"} & {each["name"] for each in await house.json("labels", "list")}


async def test_a_search_that_finds_nothing_says_why_beside_its_json(house: House) -> None:
    (house.folder / "invoice.txt").write_text("Invoice INV-20417\nDate: 2026-03-14\nTotal: 120.50 EUR")
    await house("run", "triage", "invoice.txt", "--label-set", "kinds")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "serdab.cli", "search", "invoice", "--where", "totl>=1", "--json",
        env=child_environment(house.settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, told = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, json.loads(out)) == (0, [])
    assert "no document has the field totl; did you mean total?" in told.decode()


async def test_a_sheet_goes_out_and_comes_back(house: House) -> None:
    before = await _count(house)
    said = await house("labels", "review", "kinds", "-n", "3", "--export", "doubtful.csv")
    assert "3 documents in doubtful.csv" in said
    assert "document_id,source" in await house("labels", "review", "kinds", "-n", "3", "--export", "-")
    said = await house("labels", "review", "kinds", "--export", "no-such-folder/doubtful.csv", code=2)
    assert "expected --export to be a file that can be written" in said
    assert not (house.folder / "-").exists()
    with (house.folder / "doubtful.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["label"] = rows[0]["guess"]
    with (house.folder / "doubtful.csv").open("w", encoding="utf-8", newline="") as file:
        sheet = csv.DictWriter(file, fieldnames=list(rows[0]))
        sheet.writeheader()
        sheet.writerows(rows)
    assert "1 answers taken" in await house("labels", "review", "kinds", "--import", "doubtful.csv")
    assert await _count(house) == before + 1
    assert rows[0]["document_id"] not in {each["document_id"] for each in await house.json("labels", "review", "kinds")}


async def test_a_person_reviews_at_a_narrow_terminal_and_quits_in_the_middle(house: House) -> None:
    before = await _count(house)
    terminal = await at_terminal(house, 40, "labels", "review", "kinds", "-n", "5")
    await terminal.sees("[1/5]")
    assert "Enter:" in await terminal.sees("> ")
    terminal.types("\n")
    await terminal.sees("[2/5]")
    await terminal.sees("> ")
    terminal.types("1\n")
    await terminal.sees("[3/5]")
    await terminal.sees("> ")
    terminal.types("s\n")
    await terminal.sees("[4/5]")
    await terminal.sees("> ")
    terminal.types("بلاغ\n")
    await terminal.sees("y/n ")
    terminal.types("n\n")  # a slip: the same document is asked for again
    await terminal.sees("> ")
    terminal.types("ra\n")
    await terminal.sees("[5/5]")
    await terminal.sees("> ")
    terminal.types("q\n")
    await terminal.sees("3 answers taken")
    assert await terminal.ends() == 0
    assert all(len(line) <= 40 for line in terminal.screen.splitlines())
    assert await _count(house) == before + 3


async def test_ctrl_c_in_a_review_loses_no_answer(house: House) -> None:
    before = await _count(house)
    terminal = await at_terminal(house, 80, "labels", "review", "kinds", "-n", "3")
    await terminal.sees("> ")
    terminal.types("stolen\n")
    await terminal.sees("[2/3]")
    await terminal.sees("> ")
    terminal.types("\x03")
    await terminal.sees("1 answers are kept; `serdab labels train kinds` learns from them")
    assert await terminal.ends() == 128 + signal.SIGINT
    assert "Traceback" not in terminal.screen
    assert await _count(house) == before + 1


async def test_text_from_right_to_left_is_shown_whole(house: House) -> None:
    (house.folder / "letter.txt").write_text(ARABIC)
    await house("run", "triage", "letter.txt", "--label-set", "kinds")
    terminal = await at_terminal(house, 100, "labels", "review", "kinds", "-n", "20")
    while ARABIC not in await terminal.sees("> "):
        terminal.types("s\n")
    terminal.types("q\n")
    assert await terminal.ends() == 0


async def test_the_documents_of_late_are_compared_with_the_examples(house: House) -> None:
    assert "take more days" in await house("labels", "drift", "kinds", code=2)
    many = house.folder / "many"
    many.mkdir()
    for number in range(30):
        (many / f"{number}.txt").write_text(f"percent bank euro rate question {number}")
    await house("run", "triage", "many", "--label-set", "kinds")
    found = await house.json("labels", "drift", "kinds", "--days", "1")
    assert {each["label"] for each in found["shares"]} >= {"stolen", "rate"}
    assert found["labels_psi"] > 0.25
    assert "drift: " in await house("labels", "drift", "kinds")
