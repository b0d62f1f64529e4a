"""The next version of the code: the same chain with one step more at its end, and a later migration."""

from __future__ import annotations

from typing import Any

from chaos.workflows import leaf, links_of
from serdab.flow import Workflow, step, workflow
from serdab.store.migrating import Migration, all_migrations

LATER = Migration(
    name="9999_later.sql",
    sql="alter table worker add column release text not null default '1';\n"
    "create table later (id integer generated always as identity primary key);\n"
    "create index run_outcome_later on run_outcome (ended_at);",
)


def migrations() -> list[Migration]:
    """All of this version, and the one that the next brings."""
    return [*all_migrations(), LATER]


@step
async def audit(last: str) -> str:
    return last


@workflow(queue="chaos")
async def chain(number: int) -> list[str]:
    links = await links_of(number)
    await audit(links[-1])
    return links


ALL: list[Workflow[..., Any]] = [chain, leaf]
