"""The main of a child of `IsolatedPool`: `python -m serdab.flow.isolated_child FD PARENT MOST_BYTES`."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import faulthandler
import gc
import importlib
import importlib.util
import inspect
import io
import os
import resource
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, Any

import msgspec

from serdab.core import BadInput, expected
from serdab.flow.arguments import ArgumentsCodec, result_codec, signature_codec
from serdab.flow.isolated_wire import ANSWER, QUESTION, Answer, Ask, Load, Report

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from serdab.flow.encoding import Codec

#: How much nicer than its parent a child is.
NICE = 5
#: Longest text of an error that travels, in characters.
MOST_TEXT = 64_000
_PR_SET_PDEATHSIG = 1
_PAGE = resource.getpagesize()
_SCRIPT = "__serdab_script__"


class NotLoadable(BadInput):
    """The function of an isolated step cannot be found in a child process."""

    code = "not_loadable"
    retryable = False


class _Function:
    """A function with its codecs."""

    def __init__(self, place: str) -> None:
        found = _find(place)
        self.function: Callable[..., Any] = inspect.unwrap(getattr(found, "function", found))
        self.is_async = inspect.iscoroutinefunction(self.function)
        self.arguments: ArgumentsCodec = signature_codec(self.function)
        self.result: Codec = result_codec(self.function)

    def __call__(self, payload: bytes) -> bytes:
        args, kwargs = self.arguments.decode_call(payload)
        value = self.function(*args, **kwargs)
        return self.result.encode(asyncio.run(value) if self.is_async else value)


class _Child:
    """Answers one question after the other until the parent hangs up."""

    def __init__(self, channel: socket.socket, most_bytes: int) -> None:
        self._channel = channel
        self._questions = channel.makefile("rb")
        self._most_bytes = most_bytes
        self._functions: list[_Function] = []
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_DATA)

    def serve(self) -> None:
        """Answer until there is no parent."""
        while len(head := self._questions.read(QUESTION.size)) == QUESTION.size:
            size, ask, memory_bytes, number = QUESTION.unpack(head)
            body = self._questions.read(size)
            if len(body) < size:
                return
            kind, answer = self._load(body) if ask == Ask.LOAD else self._call(number, body, memory_bytes)
            del body
            self._send(kind, answer)

    def _load(self, body: bytes) -> tuple[Answer, bytes]:
        try:
            load = msgspec.json.decode(body, type=Load)
            sys.path[:] = load.path
            self._functions.append(_Function(load.place))
        except BaseException as error:  # noqa: BLE001 - a module may fail in any way; the parent is told
            return Answer.FAILED, _report(error, None)
        return Answer.DONE, b""

    def _call(self, number: int, body: bytes, memory_bytes: int) -> tuple[Answer, bytes]:
        function = self._functions[number]
        try:
            if memory_bytes:
                self._limit(self._memory()[1] + memory_bytes)
            try:
                data = function(body)
            finally:
                if memory_bytes:
                    self._limit(None)
            if len(data) > self._most_bytes:
                name = function.function.__name__
                raise NotLoadable(expected(f"the result of {name}", f"at most {self._most_bytes:,} bytes", len(data)))
        except BaseException as error:  # noqa: BLE001 - the user's function may fail in any way; the parent is told
            kind = Answer.OUT_OF_MEMORY if _is_memory(error) else Answer.FAILED
            return kind, _report(error, function.function)
        return Answer.DONE, data

    def _send(self, kind: Answer, body: bytes) -> None:
        head = ANSWER.pack(len(body), kind, self._memory()[0])
        if len(body) < 65_536:
            self._channel.sendall(head + body)
        else:
            self._channel.sendall(head)
            self._channel.sendall(body)

    def _memory(self) -> tuple[int, int]:
        """Resident bytes, and the private writable ones that RLIMIT_DATA counts."""
        words = os.pread(self._statm, 200, 0).split()
        return int(words[1]) * _PAGE, int(words[5]) * _PAGE

    def _limit(self, most: int | None) -> None:
        """Move the soft limit of private writable memory.

        Not RLIMIT_AS: numpy's threads and malloc's arenas reserve address space by the gigabyte without using it.
        """
        soft = self._soft if most is None else most
        if self._hard != resource.RLIM_INFINITY and soft != resource.RLIM_INFINITY:
            soft = min(soft, self._hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, self._hard))


def _find(place: str) -> Any:
    module_name, _, qualname = place.rpartition(":")
    found: Any = _script(module_name) if module_name.endswith(".py") else importlib.import_module(module_name)
    try:
        for name in qualname.split("."):
            found = getattr(found, name)
    except AttributeError as error:
        raise NotLoadable(expected("an isolated step", "a module-level function", place, str(error))) from error
    if not callable(getattr(found, "function", found)):
        raise NotLoadable(expected("an isolated step", "a function", place))
    return found


def _script(path: str) -> Any:
    """The module of a script that the parent runs as `__main__`; its main guard does not hold here."""
    if (known := sys.modules.get(_SCRIPT)) is not None:
        return known
    spec = importlib.util.spec_from_file_location(_SCRIPT, path)
    if spec is None or spec.loader is None:
        raise NotLoadable(expected("the script of an isolated step", "a Python file", path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[_SCRIPT] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_SCRIPT]
        raise
    return module


def _is_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        error = error.__cause__
    return False


def _report(error: BaseException, function: Callable[..., Any] | None) -> bytes:
    kind = type(error)
    try:
        message = str(error)
    except Exception as second:  # noqa: BLE001 - the text of a user's exception may fail in any way; said instead
        message = f"<the text of this {kind.__name__} fails: {type(second).__name__}>"
    lines = traceback.format_exception(kind, error, _own(error.__traceback__, function))
    retryable = getattr(error, "retryable", True) is not False
    kinds = tuple(f"{each.__module__}.{each.__qualname__}" for each in kind.__mro__ if each is not object)
    error.__traceback__ = None
    gc.collect(0)
    report = Report(
        kind=kind.__name__, message=_clean(message)[:MOST_TEXT], traceback=_clean("".join(lines))[-MOST_TEXT:],
        retryable=retryable, kinds=kinds,
    )  # fmt: skip
    return msgspec.json.encode(report)


def _own(trace: TracebackType | None, function: Callable[..., Any] | None) -> TracebackType | None:
    """The part of a traceback that is the user's: from the called function on, or from what an import ran."""
    code = getattr(function, "__code__", None)
    step = trace
    while step is not None:
        frame_code = step.tb_frame.f_code
        if frame_code is code:
            return step
        if code is None and frame_code.co_filename not in _OURS and not frame_code.co_filename.startswith("<frozen "):
            return step
        step = step.tb_next
    return None


_OURS = (__file__, importlib.__file__)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _tie_to(parent: int) -> None:
    """Die when the parent dies, however it does."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def main() -> None:
    """Serve the parent that started this process."""
    channel, parent, most_bytes = (int(word) for word in sys.argv[1:4])
    _tie_to(parent)
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    faulthandler.enable()
    os.set_inheritable(channel, False)
    sys.argv[1:] = []
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        _Child(socket.socket(fileno=channel), most_bytes).serve()
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(0)


if __name__ == "__main__":
    main()
