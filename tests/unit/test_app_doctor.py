"""The doctor's checks: each finds what is wrong and says what to do, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from serdab.app.doctor import Finding, Verdict
from serdab.app.doctor.clock import check_clock_runs, check_clock_set
from serdab.app.doctor.database import clock_offset
from serdab.app.doctor.disk import check_file_system, check_flush, check_loading, check_room, check_writing
from serdab.app.doctor.examining import HOME_CHECKS, MACHINE_CHECKS, _answers, look_at_home, look_at_machine, look_for
from serdab.app.doctor.folder import check_owner, check_privacy
from serdab.app.doctor.limits import check_file_limit, check_memory, needed_mb
from serdab.app.doctor.software import check_model, check_port, check_postgresql
from serdab.core import Settings, load_settings
from serdab.machine import Machine


def settings_of(home: Path, *pairs: str) -> Settings:
    return load_settings([f"home={home}", *pairs], environ={})


def this_machine(settings: Settings, *, measured: bool = False) -> Machine:
    return look_for(settings, measured=measured)


def judgement(finding: Finding) -> tuple[Verdict, str]:
    """The verdict, and what was found; whoever is not well hears what to do."""
    assert (finding.verdict is Verdict.OK) == (finding.todo == "") == (finding.effect == ""), finding
    return finding.verdict, finding.found


def test_every_check_answers_on_this_machine_and_leaves_nothing_behind(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home")
    found = [*look_at_home(settings), *look_at_machine(settings, this_machine(settings, measured=True))]
    for each in found:
        judgement(each)
    assert not [each for each in found if "could not look" in each.found]
    assert len({each.check for each in found}) >= len(HOME_CHECKS) + len(MACHINE_CHECKS) - 1, "no driver, no finding"
    assert list(tmp_path.iterdir()) == []


def test_quickly_nothing_is_measured(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    machine = this_machine(settings)
    assert (machine.memory.copied_bytes_s, machine.clock.drift_s) == (None, None)
    for check in (check_writing, check_flush, check_loading):
        assert judgement(check(settings, machine)) == (Verdict.OK, "not measured")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system of memory here")  # noqa: S108
def test_a_home_in_memory_is_warned_of() -> None:
    settings = settings_of(Path("/dev/shm/serdab-of-a-test"))  # noqa: S108 - never made
    finding = check_file_system(settings, this_machine(settings))
    assert judgement(finding) == (Verdict.WARNING, "tmpfs")
    assert "gone when the machine restarts" in finding.effect


def test_a_disk_with_less_room_than_asked_for_is_bad(tmp_path: Path) -> None:
    verdict, found = judgement(check_room(settings_of(tmp_path, "store.least_free_mb=999999999")))
    assert verdict is Verdict.BAD
    assert "999,999,999 MB free" in found
    assert judgement(check_room(settings_of(tmp_path, "store.least_free_mb=1")))[0] is Verdict.OK


def test_the_disk_is_measured_where_the_home_is_or_will_be(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "a" / "b")
    machine = this_machine(settings, measured=True)
    assert "MB/s" in check_writing(settings, machine).found
    assert "of 200 flushes" in check_flush(settings, machine).found
    assert "5 GB in" in check_loading(settings, machine).found


def test_a_home_that_others_may_enter_is_bad_until_what_is_said_is_done(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    tmp_path.chmod(0o755)
    finding = check_owner(settings)
    assert finding.verdict is Verdict.BAD
    command, mode, path = finding.todo.removeprefix("say: ").split()
    assert (command, path) == ("chmod", str(tmp_path))
    tmp_path.chmod(int(mode, 8))
    assert judgement(check_owner(settings))[0] is Verdict.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_home_of_somebody_else_is_bad(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, -1)
    verdict, found = judgement(check_owner(settings_of(tmp_path)))
    assert verdict is Verdict.BAD
    assert "we are root" in found


def test_a_file_that_others_may_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "up.log"
    path.touch(0o600)
    assert judgement(check_privacy(settings_of(tmp_path)))[0] is Verdict.OK
    path.chmod(0o640)
    finding = check_privacy(settings_of(tmp_path))
    assert judgement(finding) == (Verdict.BAD, f"others can look into {path}")
    assert finding.todo == f"say: chmod -R go= {tmp_path / 'logs'}"


def test_more_memory_than_there_is_is_bad(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "database.memory_mb=99999999")
    assert needed_mb(settings) > 99_999_999
    verdict, found = judgement(check_memory(settings, this_machine(settings)))
    assert verdict is Verdict.BAD
    assert "MB planned of" in found
    away = settings_of(tmp_path, "database.memory_mb=99999999", "database.url=postgresql://x/y")
    assert needed_mb(away) < 99_999_999, "another machine's memory"


def test_few_open_files_are_warned_of(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        settings = settings_of(tmp_path)
        assert judgement(check_file_limit(settings, this_machine(settings))) == (Verdict.WARNING, "at most 512")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_taken_port_is_bad_and_a_free_one_stays_free(tmp_path: Path) -> None:
    def look(*pairs: str) -> tuple[Verdict, str]:
        settings = settings_of(tmp_path, *pairs)
        return judgement(check_port(settings, this_machine(settings)))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        verdict, found = look(f"http.port={port}")
        assert verdict is Verdict.BAD
        assert f"(pid {os.getpid()})" in found, "who holds it"
    for _ in range(2):
        assert look(f"http.port={port}")[0] is Verdict.OK
    assert look("http.host=no.such.host.invalid")[0] is Verdict.BAD


def test_data_of_another_postgresql_is_bad(tmp_path: Path) -> None:
    assert judgement(check_postgresql(settings_of(tmp_path))) == (Verdict.OK, "programs of 18, no data yet")
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    assert judgement(check_postgresql(settings_of(tmp_path))) == (Verdict.BAD, "programs of 18, data of 17")


def test_a_missing_model_is_warned_of_with_the_command_that_brings_it(tmp_path: Path) -> None:
    finding = check_model(settings_of(tmp_path))
    assert finding.verdict is Verdict.WARNING
    assert "serdab models pull all-MiniLM-L6-v2" in finding.todo


def test_clocks_are_compared_in_the_middle_of_the_question(tmp_path: Path) -> None:
    assert clock_offset(100.0, 103.5, 101.0) == 3.0
    settings = settings_of(tmp_path)
    machine = this_machine(settings)
    assert judgement(check_clock_runs(settings, machine))[0] is Verdict.OK
    assert "synchronised" in (found := check_clock_set(settings, machine)).found or found.todo


def test_a_check_that_may_not_look_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    def check_something(_: Settings) -> Finding:
        raise PermissionError(13, "Permission denied", "/x")

    [finding] = _answers(check_something, settings_of(tmp_path))
    verdict, found = judgement(finding)
    assert (finding.check, verdict) == ("something", Verdict.WARNING)
    assert "Permission denied" in found
