"""Entries of files become what the planner works with: base units, sources in place of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from serdab.core import expected
from serdab.plan.catalogue_entries import ApiPrice, Electricity, Licence, ModelCard
from serdab.plan.catalogue_files import (
    ApiEntry,
    Cited,
    DeviceEntry,
    ElectricityEntry,
    Entry,
    LicenceEntry,
    ModelEntry,
    SourceEntry,
)
from serdab.plan.devices import Device, Price
from serdab.plan.errors import BadCatalogue
from serdab.plan.figures import Source
from serdab.plan.shapes import Part, Shape


@dataclass(slots=True)
class Built:
    """What was read so far; `resolve` makes the rest when every file has been read."""

    sources: dict[str, Source] = field(default_factory=dict)
    licences: dict[str, Licence] = field(default_factory=dict)
    #: Entries with the place where they stand, by kind and id.
    waiting: dict[tuple[str, str], tuple[str, Entry]] = field(default_factory=dict)
    replaced: list[tuple[str, str, str]] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    models: dict[str, ModelCard] = field(default_factory=dict)
    api_prices: dict[str, ApiPrice] = field(default_factory=dict)
    electricity: dict[str, Electricity] = field(default_factory=dict)

    def ids(self) -> set[tuple[str, str]]:
        """Kind and id of everything that was read."""
        return set(self.waiting)

    def resolve(self) -> None:
        """Make devices, models and prices of what was read.

        Raises:
            BadCatalogue: an entry names a source or a licence that there is not, or figures that contradict.
        """
        for _, entry in self.waiting.values():
            if isinstance(entry, SourceEntry):
                self.sources[entry.id] = Source(what=entry.what, on=entry.on, evidence=entry.evidence)
            elif isinstance(entry, LicenceEntry):
                self.licences[entry.id] = Licence(
                    name=entry.name, commercial=entry.commercial, conditions=entry.conditions, not_in=entry.not_in
                )
        for place, entry in self.waiting.values():
            try:
                self._make(entry)
            except (ValueError, msgspec.ValidationError) as error:
                raise BadCatalogue(f"expected {place} to be an entry that holds together; {error}") from error

    def _make(self, entry: Entry) -> None:
        if isinstance(entry, DeviceEntry):
            self.devices[entry.id] = device_of(entry, self.sources)
        elif isinstance(entry, ModelEntry):
            if entry.licence not in self.licences:
                raise ValueError(expected("its licence", f"one of {', '.join(sorted(self.licences))}", entry.licence))
            self.models[entry.id] = model_of(entry, self.licences[entry.licence], self.sources)
        elif isinstance(entry, ApiEntry):
            self.api_prices[entry.id] = ApiPrice(
                id=entry.id,
                vendor=entry.vendor,
                input_usd=entry.input_usd,
                output_usd=entry.output_usd,
                cached_input_usd=entry.cached_input_usd,
                size=entry.size,
                image_usd=entry.image_usd,
                source=cited(entry.source, self.sources),
            )
        elif isinstance(entry, ElectricityEntry):
            self.electricity[entry.id] = Electricity(
                country=entry.id,
                name=entry.name,
                usd_per_kwh=entry.usd_per_kwh,
                grams_co2_per_kwh=entry.grams_co2_per_kwh,
                sources=all_cited(entry.sources, self.sources),
            )


def build(entries: Iterable[tuple[str, Entry]], built: Built) -> None:
    """Add the entries of a file; one of the same kind and id takes the place of an earlier one."""
    for place, entry in entries:
        key = str(entry.__struct_config__.tag), entry.id
        if key in built.waiting:
            built.replaced.append((*key, place))
        built.waiting[key] = (place, entry)


def cited(source: Cited, known: Mapping[str, Source]) -> Source:
    """A source itself, or the one of that id."""
    if isinstance(source, Source):
        return source
    if source not in known:
        raise ValueError(expected("a source", "the id of a source entry, or a source itself", source))
    return known[source]


def all_cited(sources: Mapping[str, Cited], known: Mapping[str, Source]) -> dict[str, Source]:
    """The sources of an entry; it must have one for what is not named."""
    if "*" not in sources:
        raise ValueError(expected("`sources`", "with `*`, for the figures that it does not name", sorted(sources)))
    return {name: cited(source, known) for name, source in sources.items()}


def device_of(entry: DeviceEntry, sources: Mapping[str, Source]) -> Device:
    """A device in bytes, bytes a second and operations a second."""
    price = None
    if entry.price is not None:
        if entry.price.low_usd > entry.price.high_usd:
            raise ValueError(expected("price.low_usd", "at most price.high_usd", entry.price.low_usd))
        price = Price(
            low_usd=entry.price.low_usd,
            high_usd=entry.price.high_usd,
            on=entry.price.on,
            source=cited(entry.price.source, sources),
            used=entry.price.used,
        )
    if entry.idle_w > entry.power_w:
        raise ValueError(expected("idle_w", "at most power_w", entry.idle_w))
    return Device(
        id=entry.id,
        name=entry.name,
        vendor=entry.vendor,
        kind=entry.kind,
        memory_bytes=round(entry.memory_gib * 2**30),
        usable_share=entry.usable_share,
        bandwidth=entry.bandwidth_gb_s * 1e9,
        rates={precision: rate * 1e12 for precision, rate in entry.rates_tera.items()},
        power_w=entry.power_w,
        idle_w=entry.idle_w,
        year=entry.year,
        price=price,
        link=entry.link_gb_s * 1e9,
        can_be_bought=entry.can_be_bought,
        sold_by=entry.sold_by,
        engines=entry.engines,
        aliases=entry.aliases,
        note=entry.note,
        sources=all_cited(entry.sources, sources),
    )


def model_of(entry: ModelEntry, licence: Licence, sources: Mapping[str, Source]) -> ModelCard:
    """A model with its shape in numbers of parameters."""
    parts = tuple(Part(name=part.name, parameters=round(part.parameters_b * 1e9)) for part in entry.parts)
    whole = entry.parameters_b if entry.parameters_b is not None else sum(part.parameters_b for part in entry.parts)
    if whole <= 0:
        raise ValueError(expected("parameters_b", "given, or `parts`", entry.parameters_b))
    active = entry.active_b if entry.active_b is not None else whole
    if active > whole:
        raise ValueError(expected("active_b", f"at most {whole}", active))
    shape = Shape(
        name=entry.name,
        kind=entry.kind,
        parameters=round(whole * 1e9),
        active_parameters=round(active * 1e9),
        hidden=entry.hidden,
        heads=entry.heads,
        vocabulary=entry.vocabulary,
        context_tokens=entry.context_tokens,
        layers=tuple(each.plain() for each in entry.layers),
        experts=entry.experts,
        parts=parts,
        tied_embeddings=entry.tied_embeddings,
        assumed=entry.assumed,
    )
    return ModelCard(
        id=entry.id,
        family=entry.family,
        shape=shape,
        licence=licence,
        languages=entry.languages,
        tasks=entry.tasks,
        quality=entry.quality,
        quality_source=cited(entry.quality_source, sources) if entry.quality_source is not None else None,
        hub=entry.hub,
        year=entry.year,
        note=entry.note,
        sources=all_cited(entry.sources, sources),
    )
