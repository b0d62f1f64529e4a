"""The catalogues together: devices, models, prices and electricity, each figure with who says so and when."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from serdab.core import expected
from serdab.plan.catalogue_building import Built, build
from serdab.plan.catalogue_entries import ApiPrice, Electricity, ModelCard
from serdab.plan.catalogue_files import read_entries
from serdab.plan.devices import Device
from serdab.plan.errors import BadCatalogue, UnknownEntry
from serdab.plan.prices import stale_price

SHIPPED = Path(__file__).parent / "catalogues"
#: Most files of a user's folder.
MOST_FILES = 64

T = TypeVar("T", Device, ModelCard, ApiPrice, Electricity)
_NOISE = re.compile(
    r"\b(?:nvidia|geforce|amd|radeon|apple|intel|tesla|instinct|quadro|graphics|gpu|core|generation|instruct|chat|it"
    r"|\d{1,4} ?gi?b)\b"
)
_PUNCTUATION = re.compile(r"[^a-z0-9.+]")


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known, by id."""

    devices: dict[str, Device]
    models: dict[str, ModelCard]
    api_prices: dict[str, ApiPrice]
    electricity: dict[str, Electricity]
    #: What the user's own files replaced, in words.
    overridden: tuple[str, ...] = ()

    def device(self, name: str, given_as: str = "the device") -> Device:
        """A device by its id, its name or another name of it; `given_as` is what an error calls it.

        Raises:
            UnknownEntry: there is none, or several; the message has the nearest.
        """
        names = {each.id: (each.id, each.name, *each.aliases) for each in self.devices.values()}
        return _find("device", given_as, name, self.devices, names)

    def model(self, name: str, given_as: str = "the model") -> ModelCard:
        """A model by its id, its name or its place on a hub; `given_as` is what an error calls it.

        Raises:
            UnknownEntry: there is none, or several; the message has the nearest.
        """
        names = {
            each.id: (each.id, each.shape.name, each.hub, each.hub.partition("/")[2]) for each in self.models.values()
        }
        return _find("model", given_as, name, self.models, names)

    def api_price(self, name: str) -> ApiPrice:
        """A price of a service by its id.

        Raises:
            UnknownEntry: there is none; the message has the nearest.
        """
        return _find("price", "the service", name, self.api_prices, {each: (each,) for each in self.api_prices})

    def electricity_of(self, country: str) -> Electricity:
        """The electricity of a country by its two letters.

        Raises:
            UnknownEntry: it is not known.
        """
        names = {each.country: (each.country, each.name) for each in self.electricity.values()}
        name = country.upper() if len(country) == 2 else country
        return _find("country", "the country", name, self.electricity, names)

    def stale(self, today: date | None = None) -> dict[str, str]:
        """Prices that are too old to be believed without a word, by the id of what they are of, each with its age."""
        dated = [(each.id, each.price.on) for each in self.devices.values() if each.price is not None]
        dated += [(each.id, each.source.on) for each in self.api_prices.values()]
        return {name: told for name, on in dated if (told := stale_price(name, on, today))}


def load_catalogue(own: str | Path = "") -> Catalogue:
    """The catalogues that Serdab ships and, over them, the user's own.

    Read once for each `own`; a changed file is read again by a new process.

    Args:
        own: a file (`.jsonl`, `.toml`) or a folder of such files; empty: none. An entry of a shipped id replaces it.

    Raises:
        BadCatalogue: a file cannot be read, or an entry is wrong.
    """
    return _load(str(Path(own).expanduser()) if own else "")


@lru_cache(maxsize=4)
def _load(own: str) -> Catalogue:
    built = Built()
    for path in _files(SHIPPED):
        build(read_entries(path), built)
    shipped = built.ids()
    overridden: tuple[str, ...] = ()
    if own:
        for path in _files(Path(own)):
            build(read_entries(path), built)
        overridden = tuple(f"{kind} {name}: {place}" for kind, name, place in built.replaced if (kind, name) in shipped)
    built.resolve()
    return Catalogue(
        devices=built.devices,
        models=built.models,
        api_prices=built.api_prices,
        electricity=built.electricity,
        overridden=overridden,
    )


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    if not place.is_dir():
        raise BadCatalogue(expected("plan.catalogues", "a file or a folder that exists", str(place)))
    found = sorted(path for path in place.iterdir() if path.suffix in (".jsonl", ".toml"))
    if len(found) > MOST_FILES:
        raise BadCatalogue(expected(f"the folder {place}", f"of at most {MOST_FILES} catalogue files", len(found)))
    yield from found


#: Which command lists the entries of a kind.
_LISTED_BY = {"device": "devices", "model": "models", "price": "prices", "country": "electricity"}


def _find(kind: str, given_as: str, name: str, entries: Mapping[str, T], names: Mapping[str, Iterable[str]]) -> T:
    if name in entries:
        return entries[name]
    wanted = _plain(name)
    exact = [key for key, each in names.items() if name.casefold() in {one.casefold() for one in each}]
    found = exact or [key for key, each in names.items() if wanted and wanted in {_plain(one) for one in each}]
    if len(found) == 1:
        return entries[found[0]]
    if found:
        raise UnknownEntry(expected(given_as, f"one {kind}", name, f"say one of {', '.join(sorted(found))}"))
    spoken = {_plain(one): key for key, each in names.items() for one in each if one}
    close = [spoken[each] for each in difflib.get_close_matches(wanted, spoken, n=6, cutoff=0.5)]
    nearest = list(dict.fromkeys(close))[:3]
    todo = f"did you mean {', '.join(nearest)}? " if nearest else ""
    todo += f"`serdab plan {_LISTED_BY[kind]}` lists all"
    raise UnknownEntry(expected(given_as, f"a {kind} of the catalogues", name, todo))


def _plain(name: str) -> str:
    """A name without the words that some say and others do not."""
    return _PUNCTUATION.sub("", _NOISE.sub(" ", name[:200].casefold()))
