"""How a catalogue stands in a file: lines of JSON or tables of TOML, in units that data sheets use.

Each entry says what it is (`entry`), and where each figure comes from: `sources` has the id of a source, or a source
itself, by the name of a figure; `*` is for those not named. A later file overrides entries of the same id.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from serdab.core import expected
from serdab.plan.catalogue_entries import Fluency
from serdab.plan.devices import DeviceClass
from serdab.plan.errors import BadCatalogue
from serdab.plan.figures import Evidence, Source
from serdab.plan.shapes import Experts, Kind, Layers

#: Largest file of a catalogue that is read, bytes.
MOST_BYTES = 8 << 20

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._>≤-]{0,79}\Z")]
Positive = Annotated[float, Meta(gt=0, lt=1e12)]
Amount = Annotated[float, Meta(ge=0, lt=1e12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, lt=1 << 40)]
Year = Annotated[int, Meta(ge=0, le=2100)]
#: The id of a source entry, or a source itself.
Cited = str | Source


class SourceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="entry", tag="source"):
    """A source that many figures share."""

    id: Id
    what: Annotated[str, Meta(min_length=3)]
    on: date
    evidence: Evidence = "published"


class LicenceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="entry", tag="licence"):
    """A licence that several models have."""

    id: Id
    name: str
    commercial: bool
    conditions: tuple[str, ...] = ()
    #: Regions whose licensees it leaves out.
    not_in: tuple[str, ...] = ()


class PriceField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device cost at a day."""

    low_usd: Positive
    high_usd: Positive
    on: date
    source: Cited
    used: bool = False


class DeviceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="entry", tag="device"):
    """A device in the units of its data sheet."""

    id: Id
    name: str
    vendor: str
    kind: DeviceClass
    memory_gib: Amount
    usable_share: Share = 1.0
    bandwidth_gb_s: Amount
    #: Dense rates in 10^12 operations a second, by precision.
    rates_tera: dict[str, Positive]
    power_w: Amount
    idle_w: Amount
    year: Year
    price: PriceField | None = None
    link_gb_s: Amount = 0.0
    can_be_bought: bool = True
    #: How many are sold together at least, on one board or in one rack.
    sold_by: Annotated[int, Meta(ge=1, le=1000)] = 1
    engines: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    note: str = ""
    sources: dict[str, Cited]


class PartField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a model of several."""

    name: str
    parameters_b: Positive


class LayersField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equal layers; the fields are those of `serdab.plan.shapes.Layers`."""

    count: Annotated[int, Meta(ge=1, le=10_000)]
    attention: str
    kv_heads: Count = 0
    head_dim: Count = 0
    value_dim: Count = 0
    window_tokens: Count = 0
    latent_dim: Count = 0
    state_bytes: Count = 0

    def plain(self) -> Layers:
        """As the planner has them."""
        return msgspec.convert(msgspec.structs.asdict(self), Layers)


class ModelEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="entry", tag="model"):
    """A model; parameters in thousand millions."""

    id: Id
    name: str
    family: str
    kind: Kind
    parameters_b: Positive | None = None
    #: Those that one token uses, where that is not all.
    active_b: Positive | None = None
    hidden: Count = 0
    heads: Count = 0
    vocabulary: Count = 0
    context_tokens: Count = 0
    layers: tuple[LayersField, ...] = ()
    experts: Experts | None = None
    parts: tuple[PartField, ...] = ()
    tied_embeddings: bool = False
    assumed: tuple[str, ...] = ()
    #: The id of a licence entry.
    licence: str
    languages: dict[str, Fluency] = {}
    tasks: tuple[str, ...]
    quality: Annotated[float, Meta(ge=0, le=100)] | None = None
    quality_source: Cited | None = None
    hub: str = ""
    year: Year = 0
    note: str = ""
    sources: dict[str, Cited]


class ApiEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="entry", tag="api"):
    """What a service asks, USD for a million tokens."""

    id: Id
    vendor: str
    input_usd: Amount
    output_usd: Amount
    cached_input_usd: Amount | None = None
    image_usd: Amount | None = None
    size: str = ""
    source: Cited


class ElectricityEntry(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="entry", tag="electricity"
):
    """A country's current."""

    #: ISO 3166 alpha-2.
    id: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    name: str
    usd_per_kwh: Positive
    grams_co2_per_kwh: Amount | None = None
    sources: dict[str, Cited]


Entry = SourceEntry | LicenceEntry | DeviceEntry | ModelEntry | ApiEntry | ElectricityEntry
#: The name of each kind of entry in a file.
KINDS: dict[str, type[Struct]] = {
    "source": SourceEntry,
    "licence": LicenceEntry,
    "device": DeviceEntry,
    "model": ModelEntry,
    "api": ApiEntry,
    "electricity": ElectricityEntry,
}
_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def read_entries(path: Path) -> Iterator[tuple[str, Entry]]:
    """The entries of a file, each with the place where it stands.

    Raises:
        BadCatalogue: it is no catalogue, or an entry is wrong; the message has its place and the nearest right name.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BadCatalogue(expected(str(path), f"at most {MOST_BYTES:,} bytes", size))
        content = path.read_bytes()
    except OSError as error:
        raise BadCatalogue(expected(str(path), "a file that can be read", str(error))) from error
    if path.suffix == ".toml":
        yield from _from_toml(path, content)
        return
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith(b"//"):
            place = f"{path}:{number}"
            yield place, _decode_line(line, place)


def _decode_line(line: bytes, place: str) -> Entry:
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadCatalogue(_told(place, error, _plain_json(line))) from error


def _plain_json(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _from_toml(path: Path, content: bytes) -> Iterator[tuple[str, Entry]]:
    """`[[device]]`, `[[model]]`, … ."""
    try:
        tables = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadCatalogue(f"expected {path} to be a TOML file; {error}") from error
    for kind, rows in tables.items():
        if kind not in KINDS or not isinstance(rows, list):
            raise BadCatalogue(
                expected(f"a table of {path}", f"one of {', '.join(f'[[{name}]]' for name in KINDS)}", kind)
            )
        for number, row in enumerate(rows, 1):
            place = f"{path}: {kind} {number}"
            try:
                yield place, msgspec.convert({"entry": kind, **row}, Entry)
            except (msgspec.ValidationError, TypeError) as error:
                raise BadCatalogue(_told(place, error, {"entry": kind, **row})) from error


def _told(place: str, error: Exception, raw: Any) -> str:
    """What is wrong with an entry, with the name that was probably meant."""
    text = f"expected {place} to be an entry of a catalogue; {error}"
    kind = raw.get("entry") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(kind, str) or kind not in KINDS:
        return f"{text}; an entry has `entry`: {', '.join(KINDS)}"
    known = [field.name for field in msgspec.structs.fields(KINDS[kind])]
    for name in raw:
        if name not in known and name != "entry":
            close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            return f"{text}; " + (f"did you mean {close[0]}?" if close else f"fields are {', '.join(known)}")
    return text
