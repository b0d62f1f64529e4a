"""What the doctor says of a database: one that runs, one that may lose what was committed, one that is away."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from serdab.app import Finding, Verdict, examine
from serdab.app.doctor.database import examine_database
from serdab.core import Settings, child_environment, load_settings
from serdab.store import Database


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in found}


async def test_a_good_database_is_good(settings: Settings) -> None:
    found = by_name([*(await examine(settings)).findings])
    assert found["database"].found.startswith("PostgreSQL 18")
    assert found["durability"].found == "fsync=on, synchronous_commit=on, full_page_writes=on"
    assert found["database clock"].verdict is Verdict.OK


async def test_a_database_that_may_lose_what_was_committed_is_bad(settings: Settings, database: Database) -> None:
    name = await database.pool.fetchval("select current_database()")
    await database.pool.execute(f'alter database "{name}" set synchronous_commit = off')
    found = by_name(await examine_database(settings))["durability"]
    assert found.verdict is Verdict.BAD
    assert "synchronous_commit=off" in found.found
    assert "set synchronous_commit=on" in found.todo


async def test_a_database_that_is_away_is_bad_and_its_password_stays_secret(tmp_path: Path) -> None:
    for url in ("postgresql://me:hunter2@127.0.0.1:9/x", "mysql://me:hunter2@127.0.0.1/x"):
        [found] = await examine_database(load_settings([f"home={tmp_path}", f"database.url={url}"], environ={}))
        assert (found.check, found.verdict) == ("database", Verdict.BAD)
        assert "hunter2" not in f"{found.found} {found.todo}"


async def test_a_wrong_password_is_told(settings: Settings) -> None:
    wrong = load_settings([f"database.url={settings.database.url.replace('serdab:', 'serdab:x')}"], environ={})
    [found] = await examine_database(wrong)
    assert found.verdict is Verdict.BAD
    assert "password" in found.found


async def test_one_that_is_ours_and_down_is_not_started(tmp_path: Path) -> None:
    [found] = await examine_database(load_settings([f"home={tmp_path}"], environ={}))
    assert found.verdict is Verdict.OK
    assert found.found.startswith("down")
    assert list(tmp_path.iterdir()) == []


async def test_the_command_tells_scripts_and_its_exit_code_is_the_worst(tmp_path: Path) -> None:
    codes = {"ok": 0, "warning": 3, "bad": 1}
    for pair, least in (("store.least_free_mb=1", "ok"), ("store.least_free_mb=999999999", "bad")):
        settings = load_settings(
            [f"home={tmp_path / 'home'}", "http.port=0", "database.memory_mb=64", "workers.processes=1", pair],
            environ={},
        )
        for words in (["doctor", "--json"], ["doctor", "--quick", "--json"], ["doctor", "--quick"]):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "serdab.cli", *words, stdout=subprocess.PIPE, env=child_environment(settings)
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
            if "--json" not in words:
                assert "what to do" in out.decode()
                continue
            told = json.loads(out)
            verdicts = [each["verdict"] for each in told["findings"]]
            assert told["worst"] == max(verdicts, key=list(codes).index), "ok, warning, bad"
            assert process.returncode == codes[told["worst"]]
            assert least in verdicts
            assert told["machine"]["memory"]["total_bytes"] > 0
            assert (told["machine"]["memory"]["copied_bytes_s"] is None) == ("--quick" in words)
