"""What users declare: steps and workflows, and the registry of what a worker knows."""

from __future__ import annotations

import copy
import difflib
import hashlib
import inspect
import re
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from typing import Any, Generic, Literal, ParamSpec, Protocol, Self, TypeVar, overload

from serdab.core import expected
from serdab.flow.branches import perform
from serdab.flow.errors import BadDefinition, DuplicateName, NotRegistered
from serdab.flow.payloads import ArgumentsCodec, Codec, result_codec, signature_codec
from serdab.flow.retries import MOST_S, ONCE, Retry

P = ParamSpec("P")
T = TypeVar("T")

Isolation = Literal["none", "process"]

#: How the keys of rows begin that say which children a run has started.
CHILDREN = "start:"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,99}")
_SIZE = re.compile(r"(\d+)\s*(KB|MB|GB)")
_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


class StepCall(Generic[T]):
    """One call of a step, not yet performed: await it, or give it to `gather`."""

    __slots__ = ("args", "kwargs", "step")

    def __init__(self, step: Step[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.step = step
        self.args = args
        self.kwargs = kwargs

    def __await__(self) -> Generator[Any, None, T]:
        return perform(self.step, self.args, self.kwargs).__await__()


class Step(Generic[P, T]):
    """A function whose result is recorded; see `step`."""

    def __init__(self, function: Callable[P, Any], name: str, retries: Retry, timeout_s: float | None) -> None:
        self.function = function
        self.name = name
        self.retries = retries
        self.timeout_s = timeout_s
        self.isolated = False
        self.memory_bytes: int | None = None
        self.is_async = inspect.iscoroutinefunction(function)
        #: Nothing has to stand between the call and the function.
        self.is_plain = self.is_async and timeout_s is None
        self.place = f"{function.__module__}:{function.__qualname__}"
        self.arguments: ArgumentsCodec = signature_codec(function, f"step {name}")
        self.result: Codec = result_codec(function, f"the result of step {name}")
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> StepCall[T]:
        """Call it: await the call inside a workflow, or give it to `gather`."""
        return StepCall(self, args, kwargs)

    def within(self, *, timeout_s: float | None = None, memory: str | None = None) -> Self:
        """The same step under other limits, for calls whose limits are known only when they are made.

        Args:
            timeout_s: most seconds of one attempt; None: as declared.
            memory: the most memory of its process, like "512MB"; None: as declared.

        Raises:
            BadDefinition: a limit cannot be one, or memory is given for a step that is not isolated.
        """
        limited = copy.copy(self)
        if timeout_s is not None:
            limited.timeout_s, limited.is_plain = _timeout(timeout_s), False
        if memory is not None:
            if not self.isolated:
                raise BadDefinition(expected("memory", 'used with isolate="process"', memory))
            limited.memory_bytes = _bytes(memory)
        return limited


class Workflow(Generic[P, T]):
    """A function that calls steps and is started by name; see `workflow`."""

    def __init__(
        self, function: Callable[P, Coroutine[Any, Any, T]], name: str, queue: str, timeout_s: float | None
    ) -> None:
        self.function = function
        self.name = name
        self.queue = queue
        self.timeout_s = timeout_s
        self.code = code_digest(function)
        self.arguments: ArgumentsCodec = signature_codec(function, f"workflow {name}")
        self.result: Codec = result_codec(function, f"the result of workflow {name}")
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Call the plain function: inside a run its steps belong to that run."""
        return self.function(*args, **kwargs)


class StepDecorator(Protocol):
    """What `step(…)` with options gives."""

    @overload
    def __call__(self, function: Callable[P, Awaitable[T]], /) -> Step[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> Step[P, T]: ...


@overload
def step(function: Callable[P, Awaitable[T]], /) -> Step[P, T]: ...
@overload
def step(function: Callable[P, T], /) -> Step[P, T]: ...
@overload
def step(
    *,
    name: str | None = None,
    retries: Retry = ONCE,
    timeout_s: float | None = None,
    isolate: Isolation = "none",
    memory: str | None = None,
) -> StepDecorator: ...
def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retries: Retry = ONCE,
    timeout_s: float | None = None,
    isolate: Isolation = "none",
    memory: str | None = None,
) -> Any:
    """Make a function a durable step: its result is recorded once, and given back after a crash.

    An async function runs in the worker's loop, a synchronous one in a thread, `isolate="process"` in a child process
    that can be killed. A step may execute more than once if a machine dies before recording; pass `idempotency_key()`
    to what lies outside.

    Args:
        function: the function, when used without parentheses.
        name: stable name in the records; the function's own by default.
        retries: how often it is tried; once by default.
        timeout_s: most seconds of one attempt.
        isolate: "process" runs it in a child process.
        memory: with isolate="process", the most memory of that process, like "512MB".

    Raises:
        BadDefinition: something here cannot work.
    """

    def declare(target: Callable[..., Any]) -> Step[..., Any]:
        made: Step[..., Any] = Step(target, _name_of(target, name), retries, _timeout(timeout_s))
        if isolate == "process":
            if "<locals>" in target.__qualname__:
                raise BadDefinition(expected("an isolated step", "a module-level function", target.__qualname__))
            made.isolated = True
            made.is_plain = False
        elif isolate != "none":
            raise BadDefinition(expected("isolate", '"none" or "process"', isolate))
        return made.within(memory=memory)

    return declare if function is None else declare(function)


@overload
def workflow(function: Callable[P, Coroutine[Any, Any, T]], /) -> Workflow[P, T]: ...
@overload
def workflow(
    *, name: str | None = None, queue: str = "default", timeout_s: float | None = None
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Workflow[P, T]]: ...
def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    queue: str = "default",
    timeout_s: float | None = None,
) -> Any:
    """Make an async function a workflow: after a crash it runs again from the top, and recorded steps answer at once.

    Args:
        function: the function, when used without parentheses.
        name: stable name in the records; the function's own by default.
        queue: where its runs wait for a worker.
        timeout_s: most seconds from the start call to the end, waiting included.

    Raises:
        BadDefinition: something here cannot work.
    """

    def declare(target: Callable[..., Any]) -> Workflow[..., Any]:
        if not inspect.iscoroutinefunction(target):
            raise BadDefinition(expected("a workflow", "an async function", target, "write async def"))
        if not _NAME.fullmatch(queue):
            raise BadDefinition(expected("queue", "letters, digits, _ . : -, at most 100", queue))
        return Workflow(target, _name_of(target, name), queue, _timeout(timeout_s))

    return declare if function is None else declare(function)


class Registry:
    """The workflows that a worker knows, by name."""

    def __init__(self, workflows: Iterable[Workflow[..., Any]] = ()) -> None:
        self._by_name: dict[str, Workflow[..., Any]] = {}
        for each in workflows:
            self.add(each)

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    def add(self, added: Workflow[..., Any]) -> None:
        """Take a workflow in; the same one twice is fine.

        Raises:
            DuplicateName: another function has the name.
        """
        known = self._by_name.setdefault(added.name, added)
        if known is not added:
            raise DuplicateName(
                expected("the name of a workflow", "new", added.name, f"{known.__module__} has one of this name")
            )

    def add_module(self, module: types.ModuleType) -> None:
        """Take in all workflows that a module defines or imports."""
        for value in vars(module).values():
            if isinstance(value, Workflow):
                self.add(value)

    def find(self, name: str) -> Workflow[..., Any] | None:
        """The workflow of a name, if it is known."""
        return self._by_name.get(name)

    def queues(self) -> list[str]:
        """All queues that these workflows wait in."""
        return sorted({each.queue for each in self._by_name.values()})


def not_registered(name: str, known: Iterable[str]) -> NotRegistered:
    """The error for a name that nobody knows, with the nearest one that somebody does."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    todo = f"did you mean {close[0]}?" if close else f"known are {', '.join(names) or 'none: start a worker first'}"
    return NotRegistered(expected("workflow", "the name of a registered workflow", name, todo))


def code_digest(function: Callable[..., Any]) -> int:
    """Sixty-four bits that change when the workflow's own code does, whatever its place in the file."""
    state = hashlib.blake2b(digest_size=8)
    todo = [function.__code__]
    while todo:
        code = todo.pop()
        state.update(code.co_code)
        state.update(repr(code.co_names).encode())
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                todo.append(constant)
            else:
                state.update(repr(constant).encode("utf-8", "surrogatepass"))
    return int.from_bytes(state.digest(), "big", signed=True)


def _name_of(function: Callable[..., Any], name: str | None) -> str:
    chosen = name or function.__name__
    if chosen.startswith(CHILDREN):
        raise BadDefinition(expected("name", f"one that does not begin with {CHILDREN}", chosen, "give name=…"))
    if not _NAME.fullmatch(chosen):
        raise BadDefinition(expected("name", "letters, digits, _ . : -, at most 100", chosen, "give name=…"))
    return chosen


def _timeout(timeout_s: float | None) -> float | None:
    if timeout_s is not None and not (isinstance(timeout_s, int | float) and 0 < timeout_s <= MOST_S):
        raise BadDefinition(expected("timeout_s", f"more than 0 and at most {MOST_S:,.0f} seconds, or None", timeout_s))
    return timeout_s


def _bytes(size: str) -> int:
    match = _SIZE.fullmatch(size.strip().upper())
    if match is None:
        raise BadDefinition(expected("memory", 'a size like "512MB"', size))
    return int(match[1]) * _UNITS[match[2]]
