"""`serdab demo`: everything once, from the weights to a table, with nothing left running that it started."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from serdab.app import embedder_of, living, some_tree
from serdab.cli.models import pull_with_bar
from serdab.cli.printing import say
from serdab.cli.triage import Outcome, show, triaged
from serdab.core import Settings
from serdab.flow import Serdab
from serdab.knowledge import import_labels
from serdab.models import find_model

#: The labels of the demo are a set of their own, so that they never mix with the labels of the house.
LABEL_SET = "samples"


async def demonstrate(settings: Settings) -> None:
    """Pull the model, bring a tree up unless there is one, learn the sample labels, put the sample documents through.

    Raises:
        PullFailed: the model cannot be had now.
        DidNotComeUp: the tree does not come up; its words are in the message.
    """
    name = settings.models.embedder
    if find_model(name, settings) is None:
        say(f"1/4  pulling the model {name}")
        await pull_with_bar(settings, name)
    say(f"1/4  model {name} is here")
    up = bool(living(settings, "up"))
    say(f"2/4  {'using the tree that is up' if up else 'bringing a tree up: PostgreSQL, embedding engine, workers'}")
    with as_file(files("serdab.knowledge") / "samples") as samples:
        async with some_tree(settings), Serdab.connect(settings) as serdab, embedder_of(settings) as embedder:
            say(f"3/4  learning kinds from {(samples / 'labels.jsonl').name}")
            report = await import_labels(serdab.database, embedder, samples / "labels.jsonl", label_set=LABEL_SET)
            say(f"     {report.examples} examples of {report.labels} kinds")
            say("4/4  putting the sample documents through: read, normalise, split, embed,")
            say("     classify ∥ extract ∥ find similar, deliver; two are broken on purpose")
            outcome = await triaged(serdab, [samples / "files"], LABEL_SET)
    show(outcome)
    _what_next(settings, outcome)


def _what_next(settings: Settings, outcome: Outcome) -> None:
    place = Path(outcome.receipts[0].delivered_to).parent if outcome.receipts else settings.folder
    say(f"receipts are in {place}; every step is recorded in PostgreSQL under {settings.folder}")
    say("")
    say("what to type next (.venv/bin/serdab when it is not on your PATH):")
    shown = [
        ("serdab runs list --state failed", "what failed"),
        (f"serdab runs show {outcome.failures[0].run if outcome.failures else 'RUN'}", "one run, drawn"),
        ('serdab search "unpaid invoice"', "find by meaning"),
        ("serdab run triage PATH…", "your own documents"),
        ("serdab up --detach", "a tree that stays; then `serdab status`, `serdab down`"),
    ]
    for command, meaning in shown:
        say(f"  {command:<62} {meaning}")
