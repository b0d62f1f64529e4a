"""The doctor's checks: each finds what is wrong and says what to do, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from serdab.app.doctor import Finding, Verdict
from serdab.app.doctor.clock import check_clock_runs, check_clock_set, clock_offset
from serdab.app.doctor.disk import FLUSHES, check_flush, check_room, check_writing
from serdab.app.doctor.examining import CHECKS, _look
from serdab.app.doctor.folder import check_file_system, check_owner, check_privacy, file_system_of
from serdab.app.doctor.limits import cgroup_limit_mb, check_file_limit, check_memory, needed_mb
from serdab.app.doctor.software import check_model, check_port, check_postgresql
from serdab.core import Settings, load_settings

MOUNTS = r"""
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:21 / /proc rw shared:2 - proc proc rw
24 22 0:30 / /srv rw - overlay overlay rw,lowerdir=/a
25 24 0:31 / /srv/a\040share rw master:5 - nfs4 server:/x rw
26 22 0:32 / /mnt rw - ext4 /dev/b rw
27 26 0:33 / /mnt rw - tmpfs tmpfs rw
"""


def settings_of(home: Path, *pairs: str) -> Settings:
    return load_settings([f"home={home}", *pairs], environ={})


def judgement(finding: Finding) -> tuple[Verdict, str]:
    """The verdict, and what was found; whoever is not well hears what to do."""
    assert (finding.verdict is Verdict.OK) == (finding.todo == ""), finding
    return finding.verdict, finding.found


def test_every_check_answers_on_this_machine_and_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = [_look(check, settings_of(home)) for check in CHECKS]
    for each in found:
        judgement(each)
    assert len({each.check for each in found}) == len(CHECKS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/serdab", "ext4"), ("/srv", "overlay"), ("/srv/a share/serdab", "nfs4"), ("/srvx", "ext4"),
        ("/mnt/x", "tmpfs"),
    ],
)  # fmt: skip
def test_the_file_system_is_that_of_the_nearest_and_newest_mount(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system of memory here")  # noqa: S108
def test_a_home_in_memory_is_warned_of() -> None:
    finding = check_file_system(settings_of(Path("/dev/shm/serdab-of-a-test")))  # noqa: S108 - never made
    assert judgement(finding) == (Verdict.WARNING, "tmpfs")
    assert "gone when the machine restarts" in finding.todo


def test_a_disk_with_less_room_than_asked_for_is_bad(tmp_path: Path) -> None:
    verdict, found = judgement(check_room(settings_of(tmp_path, "store.least_free_mb=999999999")))
    assert verdict is Verdict.BAD
    assert "999,999,999 MB free" in found
    assert judgement(check_room(settings_of(tmp_path, "store.least_free_mb=1")))[0] is Verdict.OK


def test_the_disk_is_measured_where_the_home_is_or_will_be(tmp_path: Path) -> None:
    assert str(tmp_path) in check_writing(settings_of(tmp_path / "a" / "b")).found
    assert f"of {FLUSHES} flushes" in check_flush(settings_of(tmp_path)).found


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


def test_the_least_limit_of_all_control_groups_counts(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "memory.max").write_text("max\n")
    assert cgroup_limit_mb(tmp_path, "0::/a/b\n") is None
    (tmp_path / "a" / "memory.max").write_text(f"{512 << 20}\n")
    assert cgroup_limit_mb(tmp_path, "0::/a/b\n") == 512
    (tmp_path / "memory" / "x").mkdir(parents=True)
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert cgroup_limit_mb(tmp_path, "5:cpu:/y\n4:memory:/x\n") is None
    (tmp_path / "memory" / "x" / "memory.limit_in_bytes").write_text(f"{64 << 20}\n")
    assert cgroup_limit_mb(tmp_path, "5:cpu:/y\n4:memory:/x\n") == 64


def test_more_memory_than_there_is_is_bad(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "database.memory_mb=99999999")
    assert needed_mb(settings) > 99_999_999
    verdict, found = judgement(check_memory(settings))
    assert verdict is Verdict.BAD
    assert "MB planned of" in found
    away = settings_of(tmp_path, "database.memory_mb=99999999", "database.url=postgresql://x/y")
    assert needed_mb(away) < 99_999_999, "another machine's memory"


def test_few_open_files_are_warned_of(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        assert judgement(check_file_limit(settings_of(tmp_path))) == (Verdict.WARNING, "at most 512")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_taken_port_is_bad_and_a_free_one_stays_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert judgement(check_port(settings_of(tmp_path, f"http.port={port}")))[0] is Verdict.BAD
    for _ in range(2):
        assert judgement(check_port(settings_of(tmp_path, f"http.port={port}")))[0] is Verdict.OK
    assert judgement(check_port(settings_of(tmp_path, "http.host=no.such.host.invalid")))[0] is Verdict.BAD


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
    assert judgement(check_clock_runs(settings_of(tmp_path)))[0] is not Verdict.BAD
    assert "synchronised" in check_clock_set(settings_of(tmp_path)).found or check_clock_set(settings_of(tmp_path)).todo


def test_a_check_that_may_not_look_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    def check_something(_: Settings) -> Finding:
        raise PermissionError(13, "Permission denied", "/x")

    verdict, found = judgement(_look(check_something, settings_of(tmp_path)))
    assert verdict is Verdict.WARNING
    assert "Permission denied" in found
