"""The systemd unit: it follows the settings, holds no secret, and systemd itself can read it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from serdab.app import UNIT_NAME, make_unit
from serdab.app.control import START_MARGIN_S
from serdab.app.tree import STOP_MARGIN_S
from serdab.core import Settings, load_settings, values_of, variable_of
from serdab.store import BadHome

SECRET = 'hunter2$ %"x'
NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def settings_of(home: Path, *pairs: str) -> Settings:
    return load_settings([f"home={home}", *pairs], environ={})


def lines_of(text: str) -> dict[str, list[str]]:
    """Every key with its values, in order; what cannot be a line of a unit is an error."""
    found = defaultdict(list)
    for line in text.splitlines():
        if line and line[0] not in "#[":
            key, sign, value = line.partition("=")
            assert sign, line
            assert key.isalnum(), line
            found[key].append(value)
    return found


def unit_of(home: Path, *pairs: str) -> dict[str, list[str]]:
    return lines_of(make_unit(settings_of(home, *pairs), home).text)


def environment(lines: dict[str, list[str]]) -> dict[str, str]:
    """What systemd would make of the Environment lines."""
    texts = [line[1:-1].replace("%%", "%").replace('\\"', '"').replace("\\\\", "\\") for line in lines["Environment"]]
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def test_the_settings_of_the_unit_are_those_of_now(tmp_path: Path) -> None:
    pairs = ("flow.drain_s=77.5", "workers.processes=3", 'guard.allow=a "b" 100% \\c', "log.level=debug")
    settings = settings_of(tmp_path, *pairs)
    lines = lines_of(make_unit(settings, tmp_path).text)
    assert load_settings(environ=environment(lines)) == settings
    untouched = dict(values_of(Settings()))
    changed = {variable_of(name) for name, value in values_of(settings) if value != untouched[name]}
    assert set(environment(lines)) == changed, "what nobody has set stays free to change with a newer Serdab"


def test_it_waits_as_long_as_the_settings_say(tmp_path: Path) -> None:
    lines = unit_of(tmp_path, "flow.drain_s=300", "database.start_timeout_s=900")
    assert float(lines["TimeoutStopSec"][0]) > 300 + 2 * STOP_MARGIN_S
    assert float(lines["TimeoutStartSec"][0]) == 900 + START_MARGIN_S
    assert lines["KillMode"] == ["mixed"]
    assert lines["Restart"] == ["on-failure"]


def test_it_writes_only_where_the_settings_send_it(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    assert unit_of(home)["ReadWritePaths"] == [f'"-{home}"']
    more = ("backup.folder=/mnt/b", "backup.wal_archive=/mnt/b/wal", "documents.deliver_to=/srv/out")
    assert unit_of(home, *more)["ReadWritePaths"] == [f'"-{home}"', '"-/mnt/b"', '"-/srv/out"']
    assert unit_of(home, "documents.deliver_to=https://x/y")["ReadWritePaths"] == [f'"-{home}"']
    state = unit_of(Path("/var/lib/serdab-of-a-test"))
    assert state["StateDirectory"] == ["serdab-of-a-test"]
    assert "StateDirectory" not in unit_of(home)


def test_walls_stand_as_close_as_the_settings_let_them(tmp_path: Path) -> None:
    plain = unit_of(Path("/srv/serdab-of-a-test"))
    assert plain["IPAddressDeny"] == ["any"]
    assert plain["MemoryDenyWriteExecute"] == ["yes"]
    for pair in (
        "guard.allow=hooks.house",
        "workers.modules=mine",
        "http.host=0.0.0.0",
        "database.url=postgresql://x/y",
    ):
        assert "IPAddressDeny" not in unit_of(tmp_path, pair), pair
    for pair in ("workers.modules=mine", "models.precision=bf16"):
        assert "MemoryDenyWriteExecute" not in unit_of(tmp_path, pair)
    assert unit_of(tmp_path, "workers.modules=mine")["WorkingDirectory"] == [str(tmp_path)]
    assert unit_of(Path("/tmp/serdab-of-a-test"))["PrivateTmp"] == ["no"]  # noqa: S108 - never made
    assert unit_of(Path("/srv") / ("x" * 100))["PrivateTmp"] == ["no"], "its socket lies in /tmp"
    assert unit_of(tmp_path, "http.port=80")["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]
    assert "AmbientCapabilities" not in plain


def test_it_runs_as_the_owner_of_the_home_with_no_more_than_that_needs(tmp_path: Path) -> None:
    lines = unit_of(tmp_path)
    owner = pwd.getpwuid(tmp_path.stat().st_uid).pw_name
    assert lines["User"] == [owner]
    assert ("CAP_SETUID" in lines["CapabilityBoundingSet"][0]) == (owner == "root")
    if os.geteuid() == 0:
        os.chown(tmp_path, pwd.getpwnam("nobody").pw_uid, -1)
        lines = unit_of(tmp_path)
        assert (lines["User"], lines["CapabilityBoundingSet"]) == (["nobody"], [""])


@pytest.mark.parametrize(
    "pair",
    [
        f"database.url=postgresql://me:{SECRET}@db/x",
        f"database.url=postgresql://me@db/x?password={SECRET}",
        f"documents.deliver_to=https://hooks.house/T0/{SECRET}",
        f"models.hub_url=https://me:{SECRET}@hub.house",
    ],
)
def test_no_secret_is_in_the_unit(tmp_path: Path, pair: str) -> None:
    home = tmp_path / "home"
    settings = settings_of(home, pair, "flow.lease_s=7")
    unit = make_unit(settings, tmp_path)
    unit.prepare()
    assert "hunter2" not in unit.text
    assert "hunter2" not in repr(lines_of(unit.text))
    assert lines_of(unit.text)["EnvironmentFile"] == [str(unit.secrets_file)]
    assert unit.secrets_file.parent == home
    assert unit.secrets_file.stat().st_mode & 0o777 == 0o600
    # The shell reads such a line as systemd does.
    script = f'set -a; . "{unit.secrets_file}"; exec "{sys.executable}" -c "import os; print(dict(os.environ))"'
    told = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True).stdout
    assert repr(pair.partition("=")[2]) in told


def test_a_file_of_secrets_that_is_no_longer_needed_goes(tmp_path: Path) -> None:
    unit = make_unit(settings_of(tmp_path, f"database.url=postgresql://me:{SECRET}@db/x"), tmp_path)
    unit.prepare()
    unit.secrets_file.chmod(0o644)
    unit.prepare()
    assert unit.secrets_file.stat().st_mode & 0o777 == 0o600
    without = make_unit(settings_of(tmp_path), tmp_path)
    without.prepare()
    assert not without.secrets_file.exists()
    assert "EnvironmentFile" not in lines_of(without.text)


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadHome, match=r"expected home and the folders .*file/home"):
        make_unit(settings_of(tmp_path / "file" / "home"), tmp_path).prepare()


@NEEDS_SYSTEMD
@pytest.mark.parametrize(
    "pairs",
    [
        (),
        ("workers.modules=mine", "http.port=80"),
        (f"database.url=postgresql://me:{SECRET}@db/x", "guard.allow=a,*.b%"),
    ],
)
def test_systemd_reads_it_without_a_word(tmp_path: Path, pairs: tuple[str, ...]) -> None:
    home = tmp_path / 'a "home" 100%'
    unit = make_unit(settings_of(home, *pairs), tmp_path)
    unit.prepare()
    path = tmp_path / UNIT_NAME
    path.write_text(unit.text)
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if UNIT_NAME in line]
    assert (done.returncode, complaints) == (0, [])


@NEEDS_SYSTEMD
def test_systemd_finds_little_exposed(tmp_path: Path) -> None:
    path = tmp_path / UNIT_NAME
    path.write_text(make_unit(settings_of(Path("/srv/serdab-of-a-test")), tmp_path).text)
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=40", "--no-pager", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd judges running services only")
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
