"""`serdab search` and `serdab duplicates`: what is like something, and what is there twice."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serdab.cli.printing import file_name, print_json, print_table, say
from serdab.cli.session import path_of, run_loop, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from serdab.core import Settings
    from serdab.knowledge import Alike, Duplicates, Filters, Found

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Values = list[str] | None
_SHOWN_GROUPS = 50
#: Words of a kind that are named.
_SHOWN_WORDS = 20
#: A language as documents have it: two letters, or as it was brought (ar-EG, zh-Hant).
_LANG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


def register(application: typer.Typer) -> None:
    """Add these commands."""
    for command in (search, duplicates):
        application.command()(command)


def search(  # noqa: PLR0913 - each argument is an option of the command line
    ctx: typer.Context,
    question: Annotated[str | None, typer.Argument(help="What to look for, in plain words.")] = None,
    like: Annotated[
        Path | None, typer.Option(help="Instead of a question: find copies of this file.", parser=path_of)
    ] = None,
    doc_type: Annotated[Values, typer.Option("--type", help="Only of this type, given or found; repeatable.")] = None,
    label: Annotated[Values, typer.Option(help="Only with this label; repeatable.")] = None,
    lang: Annotated[Values, typer.Option(help="Only in this language, two letters; repeatable.")] = None,
    since: Annotated[str | None, typer.Option(help="Only of this day or later: its own date, else its coming.")] = None,
    until: Annotated[str | None, typer.Option(help="Only of this day or earlier.")] = None,
    source: Annotated[str, typer.Option(help="Only from places that begin with this.")] = "",
    where: Annotated[
        Values, typer.Option(metavar="FIELD=VALUE", help="Only where total>=100, company=ACME …; repeatable: all.")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=25, help="At most so many documents.")] = 10,
    json: Json = False,
) -> None:
    """Find documents by meaning and by words.

    \b
    serdab search "unpaid invoice" --type invoice --where "total>=100" --since 2026-01-01
    serdab search --like letter.pdf
    """
    from serdab.core import BadInput, expected

    settings = session_of(ctx).settings
    filters = _filters(doc_type, label, lang, (since, until), source, where)
    if like is not None:
        if question is not None or filters:
            raise BadInput(expected("--like", "given alone", question or "filters"))
        if not like.is_file():
            raise BadInput(expected("--like", "a file that exists", str(like)))
        alike = run_loop(_alike(settings, like, count))
        if json:
            print_json(alike)
        else:
            _show_alike(alike)
        return
    if question is None:
        raise BadInput(expected("`serdab search`", "given a question or --like", "neither"))
    found, advice = run_loop(_search(settings, question, count, filters))
    if not found:
        say(f"nothing found; {advice}")
    if json:
        print_json(found)
    elif found:
        print_table((">like", "label", "type", "document", "passage"), [_row(each) for each in found])


def duplicates(ctx: typer.Context, json: Json = False) -> None:
    """List documents that say nearly the same. Of each group, the one that came first stands first."""
    found = run_loop(_duplicates(session_of(ctx).settings))
    if json:
        print_json(found)
        return
    rows: list[tuple[object, ...]] = []
    for number, group in enumerate(found[:_SHOWN_GROUPS], 1):
        rows += [(number, f"{each.likeness:.2f}", each.title, each.source) for each in group.documents]
    print_table((">group", ">same", "document~", "source~"), rows)
    say(f"{len(found):,} groups, {sum(len(group.documents) for group in found):,} documents")


async def _search(settings: Settings, question: str, count: int, filters: Filters) -> tuple[Sequence[Found], str]:
    """What is found; of nothing, what to do about it."""
    from serdab.app import some_engine
    from serdab.knowledge import Index, search_documents
    from serdab.store import shared_database

    async with (
        shared_database(settings, "search") as database,
        some_engine(settings) as embedder,
        Index(database) as index,
    ):
        found = await search_documents(index, embedder, question, count, filters)
        known = {} if found or not filters else await index.known_words()
    return found, _advice(filters, known)


def _advice(filters: Filters, known: Mapping[str, Sequence[str]]) -> str:
    """What to do when nothing was found; a word that no document has is told with the nearest that documents have."""
    if not filters:
        return "put documents through: serdab run triage PATH"
    fields = [each.name for each in filters.conditions]
    asked_by_kind = {"field": fields, "label": filters.labels, "language": filters.langs, "type": filters.doc_types}
    for kind, asked in asked_by_kind.items():
        words = known.get(kind) or ()
        unknown = next((each for each in asked if each not in words), None)
        if unknown is not None and words:
            return _unknown(kind, unknown, words)
    return "try fewer filters"


def _unknown(kind: str, word: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word.lower(), known, n=3)
    some = ", ".join(known[:_SHOWN_WORDS]) + (" …" if len(known) > _SHOWN_WORDS else "")
    todo = f"did you mean {' or '.join(near)}?" if near else f"documents have {some}"
    return f"no document has the {kind} {word}; {todo}"


async def _alike(settings: Settings, path: Path, count: int) -> Sequence[Alike]:
    from serdab.app import some_engine
    from serdab.knowledge import Index, find_alike_documents
    from serdab.store import shared_database

    async with (
        shared_database(settings, "search") as database,
        some_engine(settings) as embedder,
        Index(database) as index,
    ):
        return await find_alike_documents(index, embedder, path, settings, count)


async def _duplicates(settings: Settings) -> Sequence[Duplicates]:
    from serdab.knowledge import Index
    from serdab.store import shared_database

    async with shared_database(settings, "search") as database, Index(database) as index:
        return await index.find_duplicates()


def _filters(
    doc_types: Values, labels: Values, langs: Values, days: tuple[str | None, str | None], source: str, where: Values
) -> Filters:
    from serdab.core import BadInput, expected
    from serdab.knowledge import Condition, Filters

    if names := [lang for lang in langs or () if _LANG.fullmatch(lang) is None]:
        raise BadInput(expected("--lang", "two letters such as de, or what a document was brought with", names[0]))
    if source and Path(source).exists():  # As it is written where one stands; places are whole paths.
        source = f"{Path(source).absolute()}{'/' if source.endswith('/') else ''}"
    since, until = (None if day is None else day_of(day) for day in days)
    return Filters(
        doc_types=doc_types or (),
        labels=labels or (),
        langs=langs or (),
        since=since,
        until=until,
        source=source,
        conditions=[Condition.read(text) for text in where or ()],
    )


def day_of(text: str) -> datetime.date:
    """A day as people write it.

    Raises:
        BadInput: it is no ISO date.
    """
    from serdab.core import BadInput, expected

    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(expected("the day", "like 2026-03-31", text)) from error


def _row(found: Found) -> tuple[object, ...]:
    type_ = found.doc_type or found.read_as
    return f"{found.similarity:.2f}", found.label or "", type_, _named(found), _marked(found)


def _named(found: Found) -> str:
    others = len(found.places)
    more = f" (and in {others} other place{'s' if others > 1 else ''})" if others else ""
    return file_name(found.source) + more


def _marked(found: Found) -> Any:
    from rich.text import Text

    text = Text(found.snippet)
    for start, end in found.marks:
        text.stylize("bold yellow", start, end)
    return text


def _show_alike(alike: Sequence[Alike]) -> None:
    if not alike:
        say("no document is nearly the same")
        return
    print_table(
        (">same", ">like", "label", "document~", "source~"),
        [(f"{a.likeness:.2f}", f"{a.similarity:.2f}", a.label or "", a.title, a.source) for a in alike],
    )
