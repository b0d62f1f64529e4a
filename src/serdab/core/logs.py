"""Structured logs: one JSON line a record under `home/logs`, and lines for people on a terminal.

Every record has an `action`, the stable name of what happened; its other facts are fields of their own.
Passwords in URLs and fields whose name says that they are secret never get into a log.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sys
import time
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import msgspec

from serdab.core.folders import owner_only, private_folder
from serdab.core.redaction import is_secret, without_passwords
from serdab.core.settings import Settings

#: What a record of the standard library has anyway; the rest are facts.
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "action"}
#: Names with a number in them, such as `worker-4711.log`: their process may never come back.
_NUMBERED = re.compile(r".*-\d+(-.*)?\.(log(\.\d+)?|out(\.\d+)?)")
#: How long such a file stays after its last line, in days.
KEPT_DAYS = 30


def log_folder(settings: Settings) -> Path:
    """Where the logs of a home are."""
    return settings.folder / "logs"


def start_logging(process: str, settings: Settings, terminal: TextIO | None = None) -> None:
    """Let everything that is logged go to `home/logs/<process>.log`, and to a terminal if one is given.

    Args:
        process: name of this process in the tree; also the name of the file.
        settings: the whole tree of settings.
        terminal: where lines for people go; None for a process that has nobody watching.
    """
    folder = private_folder(log_folder(settings))
    _sweep(folder)
    file = PrivateFile(folder / f"{process}.log", settings.log.most_mb << 20, settings.log.kept)
    file.setFormatter(JsonLines(process))
    handlers: list[logging.Handler] = [file]
    if terminal is not None:
        lines = logging.StreamHandler(terminal)
        lines.setFormatter(PlainLines())
        handlers.append(lines)
    logging.basicConfig(level=settings.log.level.upper(), handlers=handlers, force=True)
    for noisy in ("asyncio", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught


def _sweep(folder: Path) -> None:
    """Remove what processes have left that ended long ago."""
    long_ago_s = time.time_ns() / 1e9 - KEPT_DAYS * 86_400
    for path in folder.iterdir():
        if _NUMBERED.fullmatch(path.name):
            with suppress(FileNotFoundError):  # another process was faster
                if path.stat().st_mtime < long_ago_s:
                    path.unlink()


class PrivateFile(RotatingFileHandler):
    """A file that only its owner reads, turned over at a size, also when several processes write it."""

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=kept, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=owner_only)

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Whether to turn the file over; one that another process has turned over is opened again first."""
        if self.stream is not None and not self._is_current(self.stream.fileno()):
            self.stream.close()
            self.stream = self._open()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:
        """Turn the file over, unless another process has done so this moment."""
        folder = os.open(Path(self.baseFilename).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if self.stream is None or self._is_current(self.stream.fileno()):
                super().doRollover()
            else:
                self.stream.close()
                self.stream = self._open()
        finally:
            os.close(folder)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.baseFilename), os.fstat(descriptor))
        except FileNotFoundError:
            return False


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One line; whatever it holds, it is valid JSON."""
        fields: dict[str, Any] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "action": getattr(record, "action", record.name),
            "message": without_passwords(record.getMessage()),
            **facts_of(record),
        }
        if record.exc_info:
            fields["traceback"] = without_passwords(self.formatException(record.exc_info))
        return msgspec.json.encode(fields, enc_hook=str).decode()


class PlainLines(logging.Formatter):
    """A record as a line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level when it is not ordinary, message and facts."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        facts = "".join(f"  {name}={value}" for name, value in facts_of(record).items())
        line = f"{clock}  {level}{without_passwords(record.getMessage())}{facts}"
        return f"{line}\n{without_passwords(self.formatException(record.exc_info))}" if record.exc_info else line


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that were given with `extra`, without those that are secret."""
    return {
        name: "…" if is_secret(name) else without_passwords(value) if isinstance(value, str) else value
        for name, value in vars(record).items()
        if name not in _USUAL
    }


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("serdab").critical(
        "ends by an error nobody caught", exc_info=(kind, error, trace), extra={"action": "uncaught"}
    )
