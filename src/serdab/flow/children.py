"""Runs that a run starts: one or a hundred thousand, awaited or forgotten.

Children that are started together have ids that follow each other, so that a group is a range: one row of the parent
says who they are, one count says whether all have ended, and one ordered read gives their results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from serdab.core import MOST_IN_BLOCK, at, expected
from serdab.flow.branches import replayed
from serdab.flow.definitions import CHILDREN, Workflow
from serdab.flow.errors import BadDefinition, Failure, RunCancelled, RunDead, RunFailed
from serdab.flow.payloads import codec_of
from serdab.flow.running import Branch, Group, Parked, Run, Wait, branch_of

#: How many children one step row starts; bounds the size of a flush.
CHUNK = 5000


class _Started(msgspec.Struct, frozen=True):
    first: UUID
    size: int


_STARTED = codec_of(_Started, "the start of children")
_ERRORS = {"f": RunFailed, "c": RunCancelled, "x": RunDead}


class Children:
    """Runs that were started together; await `results` or let them be."""

    __slots__ = ("_run", "_workflow", "groups")

    def __init__(self, run: Run, workflow: Workflow[..., Any], groups: Sequence[Group]) -> None:
        self._run = run
        self._workflow = workflow
        self.groups = tuple(groups)

    @property
    def ids(self) -> list[UUID]:
        """Their ids in the order of their inputs."""
        return [at(group.first, place) for group in self.groups for place in range(group.size)]

    async def results(self) -> list[Any]:
        """Wait for all, outside of memory if that takes long, and give their results in the order of their inputs.

        Raises:
            RunFailed: the first child that has no result.
        """
        branch_of("results")
        if not self.groups:
            return []
        loop = self._run.host.loop
        wait = Wait(loop.create_future(), "waits for children", None, self.groups)
        self._run.host.watch(wait)
        await self._run.wait(wait)
        self._run.stay()
        values: list[Any] = []
        for group in self.groups:
            for run_id, status, output in await self._run.host.outcomes(group):
                data = await self._run.host.unpack(output)
                if status != "d":
                    raise outcome_error(run_id, status, Failure.decode(data))
                values.append(self._workflow.result.decode(data))
        return values


def outcome_error(run_id: UUID, status: str, failure: Failure) -> RunFailed:
    """The error that stands for an outcome without a result."""
    return _ERRORS[status](
        f"run {run_id} has no result: {failure.kind}: {failure.message}",
        run_id=str(run_id),
        kind=failure.kind,
        message=failure.message,
        traceback=failure.traceback,
    )


async def start_child(workflow: Workflow[..., Any], *args: Any, **kwargs: Any) -> Children:
    """Start one child; `(await child.results())[0]` waits for it, letting it be forgets it."""
    branch = branch_of("start_child")
    return Children(branch.run, workflow, [await _start(branch, workflow, [workflow.arguments.encode(args, kwargs)])])


async def run_child(workflow: Workflow[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Start one child, wait for it and give its result.

    Raises:
        RunFailed: it has none.
    """
    return (await (await start_child(workflow, *args, **kwargs)).results())[0]


async def start_children(workflow: Workflow[..., Any], inputs: Iterable[Any]) -> Children:
    """Start a child for each input, which is its one argument; a hundred thousand are fine."""
    branch = branch_of("start_children")
    datas = [workflow.arguments.encode((each,), {}) for each in inputs]
    groups = [await _start(branch, workflow, datas[place : place + CHUNK]) for place in range(0, len(datas), CHUNK)]
    return Children(branch.run, workflow, groups)


async def _start(branch: Branch, workflow: Workflow[..., Any], datas: list[bytes]) -> Group:
    if not isinstance(workflow, Workflow):
        raise BadDefinition(expected("workflow", "a function with @workflow", workflow))
    run = branch.run
    key = branch.next_key(f"{CHILDREN}{workflow.name}")
    state = hashlib.blake2b(digest_size=8)
    for data in datas:
        state.update(hashlib.blake2b(data, digest_size=8).digest())
    digest = int.from_bytes(state.digest(), "big", signed=True)
    if run.recorded is not None and key in run.recorded:
        return _group(await replayed(run, key, digest, _STARTED))
    if run.parking:
        raise Parked
    if not run.host.may_step():
        await run.host.lease_restored()
    started = _Started(run.host.block(), len(datas))
    group = _group(started)
    rows = [
        (
            at(group.first, place),
            run.run_id,
            workflow.code,
            workflow.timeout_s,
            run.claimed.priority,
            workflow.queue,
            workflow.name,
            data if run.host.inline(data) else await run.host.pack(data),
        )
        for place, data in enumerate(datas)
    ]
    if run.parking:  # it was lost while its payloads were written
        raise Parked
    await run.host.record_children((run.run_id, key, digest, 0, 1, False, _STARTED.encode(started)), rows)
    return group


def _group(started: _Started) -> Group:
    assert started.size <= MOST_IN_BLOCK  # noqa: S101 - CHUNK is smaller
    return Group(started.first, at(started.first, started.size - 1), started.size)
