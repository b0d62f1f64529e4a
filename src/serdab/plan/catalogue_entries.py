"""What catalogues hold beside devices: models with their licences, prices of others' services, electricity."""

from __future__ import annotations

from typing import Literal

import msgspec

from serdab.plan.figures import Source
from serdab.plan.shapes import Shape

#: strong: made for it; yes: trained on it and good; some: understands; no.
Fluency = Literal["strong", "yes", "some", "no"]


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """What a licence allows."""

    name: str
    commercial: bool
    #: Conditions of commercial use in words, like a limit of users, attribution, regions.
    conditions: tuple[str, ...] = ()
    #: Regions (ISO codes, or EU) whose licensees it leaves out.
    not_in: tuple[str, ...] = ()


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the catalogue."""

    id: str
    family: str
    shape: Shape
    licence: Licence
    #: By two letters; what is not named is unknown.
    languages: dict[str, Fluency]
    #: Tasks it is made for: chat, code, reasoning, extraction, translation, vision, embedding, rerank, image,
    #: image_edit, restore, relight.
    tasks: tuple[str, ...]
    #: How good it is for its tasks, 0 to 100, and by which measure; None: not known.
    quality: float | None = None
    quality_source: Source | None = None
    #: Its place on a hub, like owner/name.
    hub: str = ""
    year: int = 0
    note: str = ""
    sources: dict[str, Source] = {}

    @property
    def licence_is_confirmed(self) -> bool:
        """Whether somebody was found who says which licence it has; else it is only recalled."""
        source = self.sources.get("licence", self.sources.get("*"))
        return source is not None and source.evidence != "guess"


class ApiPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a service asks, USD for a million tokens."""

    id: str
    vendor: str
    input_usd: float
    output_usd: float
    cached_input_usd: float | None = None
    #: Class of open model that gives about the same: small, medium, large, frontier.
    size: str = ""
    #: USD for one picture, where pictures are what is made.
    image_usd: float | None = None
    source: Source


class Electricity(msgspec.Struct, frozen=True, kw_only=True):
    """A country's current."""

    #: ISO 3166 alpha-2.
    country: str
    name: str = ""
    #: Of a household; where its source is a guess, the average of the world.
    usd_per_kwh: float
    grams_co2_per_kwh: float | None = None
    sources: dict[str, Source] = {}
