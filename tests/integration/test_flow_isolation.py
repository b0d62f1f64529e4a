from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import isolated_functions as functions
import msgspec
import psutil
import pytest

from serdab.flow.arguments import signature_codec
from serdab.flow.isolation import ChildDied, IsolatedPool, IsolatedTimeout, NoChild, OutOfMemory, RemoteFailure
from serdab.flow.payloads import PayloadTooLarge
from serdab.flow.retries import Retry, is_retryable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HERE = "isolated_functions"


@pytest.fixture
async def pool() -> AsyncIterator[IsolatedPool]:
    async with IsolatedPool(1) as one:
        yield one


async def call(pool: IsolatedPool, name: str, *args: Any, **limits: Any) -> Any:
    return msgspec.json.decode(await pool.call(f"{HERE}:{name}", msgspec.json.encode([args, {}]), **limits))


def wait_until(is_so: Callable[[], Any]) -> None:
    """Other processes have no event that could be awaited."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


async def appears(path: Path) -> str:
    await asyncio.to_thread(wait_until, lambda: path.exists() and path.read_text())
    return await asyncio.to_thread(path.read_text)


async def ends(pid: int) -> None:
    await asyncio.to_thread(wait_until, lambda: is_over(pid))


def is_over(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_a_call_gives_its_result_and_the_child_is_used_again(pool: IsolatedPool) -> None:
    assert pool.pids == []
    assert await call(pool, "add", 1) == 2
    first = await call(pool, "pid")
    assert await call(pool, "pid") == first == pool.pids[0] != os.getpid()
    assert await call(pool, "add_later", 1) == 2


async def test_arguments_and_results_are_typed_and_decorated_functions_are_found(pool: IsolatedPool) -> None:
    text = "سرداب \0 'x'"
    codec = signature_codec(functions.report.function)  # type: ignore[arg-type]
    payload = codec.call_payload(codec.encode((functions.Kind.LETTER,), {"text": text}))
    answer = msgspec.json.decode(await pool.call(f"{HERE}:report", payload), type=functions.Report)
    assert (answer.kind, answer.text, answer.pid) == (functions.Kind.LETTER, text, pool.pids[0])


async def test_a_pattern_that_backtracks_for_ever_is_killed_and_the_next_call_is_answered(pool: IsolatedPool) -> None:
    assert await call(pool, "backtrack", 5) is False
    with pytest.raises(IsolatedTimeout, match=r"0\.3 s"):
        await call(pool, "backtrack", 100, timeout_s=0.3)
    assert await call(pool, "backtrack", 5) is False


async def test_a_child_is_nicer_and_in_a_session_of_its_own(pool: IsolatedPool) -> None:
    niceness, session, pid = await call(pool, "niceness")
    assert niceness == min(19, os.nice(0) + 5)
    assert session == pid


async def test_an_exception_comes_back_with_the_users_own_lines(pool: IsolatedPool) -> None:
    with pytest.raises(RemoteFailure) as caught:
        await call(pool, "fail", "the reason")
    error = caught.value
    assert (error.kind, error.message, str(error), error.retryable) == ("ValueError", "the reason", "the reason", True)
    assert error.traceback.startswith("Traceback")
    assert 'isolated_functions.py", line' in error.traceback
    assert "isolated_child" not in error.traceback
    assert is_retryable(error, Retry())
    assert not is_retryable(error, Retry(never=(ValueError,)))
    assert await call(pool, "add", 1) == 2


async def test_an_exception_that_says_so_is_not_retryable(pool: IsolatedPool) -> None:
    with pytest.raises(RemoteFailure) as caught:
        await call(pool, "fail_finally")
    assert caught.value.retryable is False
    assert "ValueError: inner" in caught.value.traceback
    assert not is_retryable(caught.value, Retry())


@pytest.mark.parametrize(
    ("name", "args", "kind", "message"),
    [
        ("fail_mutely", [], "Mute", "the text of this Mute fails"),
        ("leave", [], "SystemExit", "3"),
        ("wrong", [], "NotEncodable", "expected the result of wrong to be int, got 'no'"),
        ("add", ["x"], "NotDecodable", "expected the argument a of add to be int"),
        ("add", [1, 2, 3], "NotDecodable", "too many positional arguments"),
        ("missing", [], "NotLoadable", "has no attribute 'missing'"),
        ("kept", [], "NotLoadable", "expected an isolated step to be a function"),
    ],
)
async def test_whatever_fails_is_told_and_the_child_lives(
    pool: IsolatedPool, name: str, args: list[Any], kind: str, message: str
) -> None:
    pid = await call(pool, "pid")
    with pytest.raises(RemoteFailure, match=message) as caught:
        await call(pool, name, *args)
    assert caught.value.kind == kind
    assert await call(pool, "pid") == pid


async def test_a_module_that_cannot_be_imported_is_told(pool: IsolatedPool) -> None:
    with pytest.raises(RemoteFailure, match="broken on purpose") as caught:
        await pool.call("broken_module:anything", b"[[],{}]")
    assert "broken_module.py" in caught.value.traceback
    with pytest.raises(RemoteFailure, match="No module named 'nowhere'"):
        await pool.call("nowhere:anything", b"[[],{}]")


@pytest.mark.parametrize(
    ("name", "args", "how"),
    [
        ("crash", [], "SIGSEGV"),
        ("end_by", [int(signal.SIGKILL)], "SIGKILL"),
        ("end_by", [40], "signal 40"),
        ("leave_at_once", [], "exit status 7"),
    ],
)
async def test_the_death_of_a_child_fails_its_call_only(name: str, args: list[Any], how: str, tmp_path: Path) -> None:
    async with IsolatedPool(2) as pool:
        go, log = tmp_path / "go", tmp_path / "log"
        neighbour = asyncio.ensure_future(call(pool, "wait_for", str(go), "neighbour", str(log)))
        await appears(log)
        with pytest.raises(ChildDied, match=how) as caught:
            await call(pool, name, *args)
        assert caught.value.facts["how"] == how
        assert is_retryable(caught.value, Retry())
        assert await call(pool, "add", 1) == 2
        go.touch()
        await neighbour


async def test_kill_9_from_outside_fails_the_call_and_the_next_one_works(pool: IsolatedPool, tmp_path: Path) -> None:
    path = tmp_path / "started"
    waiting = asyncio.ensure_future(call(pool, "touch_and_sleep", str(path)))
    os.kill(int(await appears(path)), signal.SIGKILL)
    with pytest.raises(ChildDied, match="SIGKILL"):
        await waiting
    assert await call(pool, "add", 1) == 2


async def test_an_idle_child_that_is_killed_fails_nothing(pool: IsolatedPool) -> None:
    os.kill(await call(pool, "pid"), signal.SIGKILL)
    assert await call(pool, "add", 1) == 2
    pid = pool.pids[0]
    os.kill(pid, signal.SIGKILL)
    await ends(pid)
    assert await call(pool, "add", 1) == 2


@pytest.mark.parametrize("name", ["take", "take_with_numpy"])
async def test_the_memory_limit_counts_on_top_of_what_is_there(pool: IsolatedPool, name: str) -> None:
    pid = await call(pool, "pid")
    with pytest.raises(OutOfMemory, match=r"at most 268,435,456 bytes of memory, got .*MemoryError: "):
        await call(pool, name, 512, memory_bytes=256 << 20)
    assert await call(pool, name, 64, memory_bytes=256 << 20) >= 64
    assert await call(pool, name, 512, memory_bytes=1024 << 20) >= 512
    assert await call(pool, name, 512) >= 512
    assert await call(pool, "pid") != pid


async def test_a_limit_may_be_lowered_and_raised_in_one_child(pool: IsolatedPool) -> None:
    pids = set()
    for megabytes in (256, 64, 128, 64, 512):
        assert await call(pool, "take", megabytes // 2, memory_bytes=megabytes << 20) == megabytes << 19
        pids.add(await call(pool, "pid"))
    assert len(pids) == 1


async def test_a_timeout_kills_the_child_and_what_it_started(pool: IsolatedPool, tmp_path: Path) -> None:
    pids = await call(pool, "start_stubbornly")
    with pytest.raises(IsolatedTimeout, match=r"touch_and_sleep to end within 0\.1 s"):
        await call(pool, "touch_and_sleep", str(tmp_path / "started"), timeout_s=0.1)
    for pid in pids:
        await ends(pid)
    assert await call(pool, "add", 1) == 2


async def test_starting_a_child_and_importing_is_not_counted(eventually: Callable[..., Any]) -> None:
    async def was_in_time() -> bool:
        """In less than any interpreter needs to start; again, where a busy machine let the call itself wait."""
        async with IsolatedPool(1) as pool:
            try:
                return bool(await call(pool, "add", 1, timeout_s=0.02) == 2)
            except IsolatedTimeout:
                return False

    await eventually(was_in_time)


async def test_a_cancelled_call_kills_its_child(pool: IsolatedPool, tmp_path: Path) -> None:
    path = tmp_path / "started"
    waiting = asyncio.ensure_future(call(pool, "touch_and_sleep_stubbornly", str(path)))
    pids = [int(word) for word in (await appears(path)).split()]
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for pid in pids:
        await ends(pid)
    assert await call(pool, "add", 1) == 2


async def test_a_cancelled_call_that_still_waits_kills_nothing(pool: IsolatedPool, tmp_path: Path) -> None:
    go, log = tmp_path / "go", tmp_path / "log"
    running = asyncio.ensure_future(call(pool, "wait_for", str(go), "one", str(log)))
    await appears(log)
    waiting = asyncio.ensure_future(call(pool, "wait_for", str(go), "two", str(log)))
    await asyncio.sleep(0)
    waiting.cancel()
    go.touch()
    await running
    assert log.read_text() == "one\n"
    assert await call(pool, "add", 1) == 2


async def test_calls_are_served_in_their_order(pool: IsolatedPool, tmp_path: Path) -> None:
    go, log = tmp_path / "go", tmp_path / "log"
    go.touch()
    names = [f"call {n}" for n in range(30)]
    await asyncio.gather(*(call(pool, "wait_for", str(go), name, str(log)) for name in names))
    assert log.read_text().splitlines() == names


@pytest.mark.parametrize("size", [0, 70_000, 5_000_000, 50_000_000])
async def test_results_and_arguments_of_any_size_come_whole(pool: IsolatedPool, size: int) -> None:
    text = ("a\0é" * size)[:size]
    assert await call(pool, "echo", text) == text


async def test_a_frame_has_a_bound_both_ways() -> None:
    async with IsolatedPool(1, most_bytes=10_000) as pool:
        with pytest.raises(PayloadTooLarge, match="at most 10,000 bytes"):
            await call(pool, "echo", "x" * 10_000)
        with pytest.raises(RemoteFailure, match="the result of many to be at most 10,000 bytes, got 10001"):
            await call(pool, "many", 9_999)
        assert len(await call(pool, "many", 9_998)) == 9_998


async def test_children_are_replaced_after_their_share_of_calls() -> None:
    async with IsolatedPool(1, calls_per_child=3) as pool:
        pids = [await call(pool, "pid") for _ in range(7)]
    assert [len(set(pids[n : n + 3])) for n in (0, 3, 6)] == [1, 1, 1]
    assert len(set(pids)) == 3


async def test_a_child_that_grew_is_replaced() -> None:
    async with IsolatedPool(1, grown_bytes=64 << 20) as pool:
        first = await call(pool, "keep", 16)
        assert await call(pool, "keep", 100) == first
        assert await call(pool, "pid") != first
        await ends(first)


async def test_an_idle_child_ends_by_itself() -> None:
    async with IsolatedPool(1, idle_s=0.05) as pool:
        pid = await call(pool, "pid")
        await ends(pid)
        assert pool.pids == []
        assert await call(pool, "pid") != pid


async def test_what_a_function_prints_goes_to_standard_error(
    capfd: pytest.CaptureFixture[str], pool: IsolatedPool
) -> None:
    assert await call(pool, "talk") == "done"
    out, err = capfd.readouterr()
    assert "a word on" not in out
    assert "a word on standard output" in err
    assert "a word on standard error" in err


async def test_a_child_that_closes_its_channel_is_killed(pool: IsolatedPool) -> None:
    with pytest.raises(ChildDied, match="SIGKILL"):
        await call(pool, "close_everything")
    assert await call(pool, "add", 1) == 2


async def test_stopping_ends_calls_and_children_and_may_be_repeated(tmp_path: Path) -> None:
    pool = IsolatedPool(1)
    path = tmp_path / "started"
    running = asyncio.ensure_future(call(pool, "touch_and_sleep", str(path)))
    waiting = asyncio.ensure_future(call(pool, "add", 1))
    pid = int(await appears(path))
    await pool.stop()
    for call_ in (running, waiting):
        with pytest.raises(NoChild, match="has stopped"):
            await call_
    await ends(pid)
    with pytest.raises(NoChild):
        await call(pool, "add", 1)
    await pool.stop()


PARENT = """
import asyncio, sys
from serdab.flow.isolation import IsolatedPool
async def main():
    async with IsolatedPool(2) as pool:
        asyncio.ensure_future(pool.call("isolated_functions:touch_and_sleep", b'[["%s"],{}]'))
        print(int(await pool.call("isolated_functions:pid", b"[[],{}]")), flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_the_death_of_the_parent_ends_idle_and_busy_children(tmp_path: Path) -> None:
    path = tmp_path / "started"
    folder = Path(__file__).parent
    parent = subprocess.Popen([sys.executable, "-c", PARENT % path], stdout=subprocess.PIPE, cwd=folder)
    with parent:
        assert parent.stdout is not None
        idle = int(await asyncio.to_thread(parent.stdout.readline))
        busy = int(await appears(path))
        parent.kill()
    await ends(idle)
    await ends(busy)


SCRIPT = """
import asyncio
from serdab.flow.isolation import IsolatedPool
def double(x: int) -> int:
    return 2 * x
async def main():
    async with IsolatedPool(1) as pool:
        print((await pool.call("__main__:double", b"[[21],{}]")).decode())
if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("as_module", [False, True])
def test_functions_of_the_main_script_are_found(as_module: bool, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    words = ["-m", "script"] if as_module else ["script.py"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("42\n", "", 0)


async def test_two_children_serve_thousands_of_calls_and_none_is_left() -> None:
    async with IsolatedPool(2, calls_per_child=10**6) as pool:
        results = await asyncio.gather(*(call(pool, "add", n) for n in range(2000)))
        pids = pool.pids
    assert results == list(range(1, 2001))
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
