"""The systemd unit of a home: everything in it follows the settings, and no secret stands in it."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serdab.app.control import START_MARGIN_S
from serdab.app.tree import STOP_MARGIN_S
from serdab.core import (
    SECRET_SETTINGS,
    Settings,
    expected,
    owner_only,
    private_folder,
    values_of,
    variable_of,
    without_passwords,
)
from serdab.store import BadHome, EmbeddedPostgres, backup_folder

#: Name of the unit, and of the file in the home that holds what only its owner may read.
UNIT_NAME, SECRETS = "serdab.service", "serdab.env"
#: Where systemd makes the folder of a service itself, with the right owner.
STATE = Path("/var/lib")
#: What PrivateTmp replaces.
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - looked for, not used
#: Silence of the supervisor's event loop after which systemd starts it again, in seconds.
WATCHDOG_S = 60
#: Added to what draining takes: the engine, and the last checkpoint of the database; in seconds.
CHECKPOINT_S = 60
#: As root PostgreSQL is handed to a lesser user, whose files and processes are looked at.
EMBEDDED_AS_ROOT = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SETGID CAP_SETUID CAP_SYS_PTRACE"
AS_ROOT = "CAP_DAC_OVERRIDE"
#: Below it a port is the system's, in numbers.
FIRST_FREE_PORT = 1024
HARDENING = (
    ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("ProtectHome", "read-only"),
    ("PrivateDevices", "yes"), ("ProtectClock", "yes"), ("ProtectControlGroups", "yes"), ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"), ("ProtectKernelModules", "yes"), ("ProtectKernelTunables", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"), ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"), ("RestrictSUIDSGID", "yes"), ("LockPersonality", "yes"),
    ("SystemCallArchitectures", "native"), ("SystemCallFilter", "@system-service"), ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0077"),
)  # fmt: skip

Lines = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What systemd is given to run a home."""

    text: str
    #: Account that it runs as: the owner of the home.
    user: str
    #: Lines of settings that hold a secret; empty: none does.
    secrets: str
    #: Where those lines belong.
    secrets_file: Path

    #: Folders that it writes to; systemd lets it do so only where they are when it starts.
    folders: tuple[Path, ...]

    def prepare(self) -> None:
        """Make the folders that are missing, and the file of secrets, for its owner alone.

        Raises:
            BadHome: one cannot be made or written.
        """
        self._safely(self._make_folders, "folders that can be made")
        self._safely(self._write_secrets, "a folder that can be written")

    def _make_folders(self) -> None:
        for folder in self.folders:
            if folder.parent != STATE:
                private_folder(folder)

    def _write_secrets(self) -> None:
        self.secrets_file.unlink(missing_ok=True)  # another one's mode would stay
        if self.secrets:
            private_folder(self.secrets_file.parent)
            with open(self.secrets_file, "x", encoding="utf-8", opener=owner_only) as file:
                file.write(self.secrets)

    def _safely(self, work: Callable[[], None], to_be: str) -> None:
        try:
            work()
        except OSError as error:
            todo = "call this as the owner of the home, or as root"
            got = f"{error.filename}: {error.strerror}"
            raise BadHome(expected("home and the folders of the settings", to_be, got, todo)) from error


def make_unit(settings: Settings, folder: Path) -> Unit:
    """The unit of a home, its settings as they are now.

    Args:
        settings: the whole tree of settings; what is not as by default is frozen into the unit.
        folder: where one stands; modules with workflows are looked for there too.
    """
    user = _user(settings)
    defaults = dict(values_of(Settings()))
    set_here = {name: str(value) for name, value in values_of(settings) if value != defaults[name]}
    set_here["home"] = str(settings.folder)
    kept = {name: value for name, value in set_here.items() if not _is_secret(name, value)}
    secret = {name: value for name, value in set_here.items() if name not in kept}
    secrets_file = settings.folder / SECRETS
    service = [
        *_running(settings, user, folder),
        *(("Environment", _quoted(f"{variable_of(name)}={value}")) for name, value in kept.items()),
        *([("EnvironmentFile", str(secrets_file).replace("%", "%%"))] if secret else []),
        *_living(settings),
        *_walls(settings, user, folder),
    ]
    sections = {
        "Unit": [("Description", "Serdab: AI work in your own house"),
                 ("After", "network-online.target"), ("Wants", "network-online.target"),
                 ("StartLimitIntervalSec", "300"), ("StartLimitBurst", "10")],
        "Service": service,
        "Install": [("WantedBy", "multi-user.target")],
    }  # fmt: skip
    text = "\n".join(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in sections[name]) for name in sections)
    lines = "".join(f"{variable_of(name)}={_for_file(value)}\n" for name, value in secret.items())
    head = "# Written by `serdab up --systemd`; write it again when settings have changed.\n"
    written = tuple(_written(settings))
    return Unit(text=head + text, user=user, secrets=lines, secrets_file=secrets_file, folders=written)


def _running(settings: Settings, user: str, folder: Path) -> Lines:
    yield "Type", "notify"
    yield "NotifyAccess", "main"
    yield "User", user
    yield "WorkingDirectory", str(folder if settings.workers.modules else "/").replace("%", "%%")
    serdab = f"{_word(sys.executable)} -m serdab.cli"
    yield "ExecStart", f"{serdab} up"
    # Leftovers of a supervisor that was killed: its workers drain, its database stops cleanly.
    yield "ExecStopPost", f"-{serdab} down"


def _living(settings: Settings) -> Lines:
    yield "KillMode", "mixed"
    yield "TimeoutStartSec", f"{settings.database.start_timeout_s + START_MARGIN_S:g}"
    yield "TimeoutStopSec", f"{settings.flow.drain_s + 2 * STOP_MARGIN_S + CHECKPOINT_S:g}"
    yield "WatchdogSec", str(WATCHDOG_S)
    yield "Restart", "on-failure"
    yield "RestartSec", "2"
    # What was given is wrong: trying again does not mend it.
    yield "RestartPreventExitStatus", "2"
    # One worker without memory is started again by the supervisor; the others go on.
    yield "OOMPolicy", "continue"
    yield "LimitNOFILE", "65536"
    yield "LimitCORE", "0"


def _walls(settings: Settings, user: str, folder: Path) -> Lines:
    yield from HARDENING
    home = settings.folder
    if home.parent == STATE and not home.is_symlink():
        yield "StateDirectory", home.name
        yield "StateDirectoryMode", "0711" if user == "root" else "0700"
    for path in _written(settings):
        yield "ReadWritePaths", _quoted(f"-{path}")
    yield "PrivateTmp", "no" if _uses_tmp(settings, folder) else "yes"
    embedded = not settings.database.url
    capabilities = "" if user != "root" else EMBEDDED_AS_ROOT if embedded else AS_ROOT
    if 0 < settings.http.port < FIRST_FREE_PORT:
        capabilities = f"{capabilities} CAP_NET_BIND_SERVICE".strip()
        yield "AmbientCapabilities", "CAP_NET_BIND_SERVICE"
    yield "CapabilityBoundingSet", capabilities
    # Of what modules of others import nothing is known; OpenVINO writes code, without it `auto` is f32.
    if not settings.workers.modules and settings.models.precision != "bf16":
        yield "MemoryDenyWriteExecute", "yes"
    if _stays_at_home(settings):
        yield "IPAddressDeny", "any"
        yield "IPAddressAllow", "localhost"


def _written(settings: Settings) -> list[Path]:
    """The folders that are written to; those inside another one are not named."""
    folders = [settings.folder, backup_folder(settings)]
    if settings.backup.wal_archive:
        folders.append(settings.folder / settings.backup.wal_archive)
    place = settings.documents.deliver_to
    if place and "://" not in place:
        folders.append(Path(place).expanduser().absolute())
    return [each for each in dict.fromkeys(folders) if not any(other in each.parents for other in folders)]


def _uses_tmp(settings: Settings, folder: Path) -> bool:
    """Whether what lies in /tmp must be seen, such as the socket of a home whose path is too long."""
    seen = [Path(sys.prefix), *_written(settings), *([folder] if settings.workers.modules else [])]
    if not settings.database.url:
        seen.append(EmbeddedPostgres(settings).socket_place())
    return any(Path(tmp) in (path, *path.parents) for path in seen for tmp in TEMPORARY)


def _stays_at_home(settings: Settings) -> bool:
    """Whether nothing may come from or go to another machine."""
    local = settings.http.host in ("localhost", "::1") or settings.http.host.startswith("127.")
    return local and not (settings.database.url or settings.workers.modules or settings.guard.allow)


def _user(settings: Settings) -> str:
    try:
        number = settings.folder.stat().st_uid
    except OSError:
        number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _is_secret(name: str, value: str) -> bool:
    """A password or a token. Any URL is taken for one: it may hold a password, and the path of a web hook is one."""
    return name in SECRET_SETTINGS or "://" in value or without_passwords(value) != value


def _quoted(text: str) -> str:
    """For a line of words: quotes, escapes, and no specifiers."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped}"'


def _word(text: str) -> str:
    """For a command line: also without variables."""
    return _quoted(text).replace("$", "$$")


def _for_file(text: str) -> str:
    """For a file of variables, whose quotes are the shell's."""
    return '"' + "".join(f"\\{each}" if each in '"\\`$' else each for each in text) + '"'
