"""The life of a database from a shell: backed up at work, verified, lost, brought back, and checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from test_cli_tree import Shell, house  # noqa: F401 - the fixture

from serdab.core import load_settings


async def test_what_was_backed_up_at_work_comes_back_after_the_home_was_lost(house: Shell) -> None:  # noqa: F811
    backups = house.settings.folder.parent / "backups"
    assert (await house("up", "--detach")).code == 0
    ran = await house("run", "hello", "-i", '"you"', "--key", "once")
    assert ran.code == 0, ran.err
    made = await house("db", "backup", "--into", str(backups))
    assert made.code == 0, made.err
    path = Path(made.out.strip())
    verified = await house("db", "verify", str(path))
    assert verified.code == 0, verified.err + verified.out
    assert "two_places" in verified.out
    assert all(each["violations"] == 0 for each in await house.json("db", "check"))

    refused = await house("db", "restore", str(path))
    assert refused.code == 2
    assert "error [home_in_use]" in refused.err
    assert "serdab down" in refused.err
    assert (await house("down")).code == 0
    shutil.rmtree(house.settings.folder)

    restored = await house("db", "restore", str(path))
    assert restored.code == 0, restored.err
    assert (await house("up", "--detach")).code == 0
    again = await house("run", "hello", "-i", '"you"', "--key", "once")
    assert (again.code, json.loads(again.out)) == (0, "hello you")
    assert len(await house.json("runs", "list")) == 1, "the key still knows its run"


async def test_what_is_no_backup_is_told_with_what_to_do(house: Shell, tmp_path: Path) -> None:  # noqa: F811
    for words in (("verify", "newest"), ("verify", str(tmp_path)), ("restore", "nonsense")):
        answer = await house("db", *words)
        assert answer.code == 2, answer
        assert "error [bad_backup]" in answer.err
    wrong = await house("db", "restore", str(tmp_path), "--at", "yesterday")
    assert wrong.code == 2
    other = Shell(load_settings([f"home={tmp_path}", "database.url=postgresql://a:b@127.0.0.1:1/c"], environ={}))
    answer = await other("db", "backup")
    assert answer.code == 2
    assert "error [not_embedded]" in answer.err
