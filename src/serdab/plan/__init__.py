"""Tell me what this model needs, how fast it will be here, and what it costs over three years against an API."""

from serdab.plan.catalogue import STALE_DAYS, Catalogue, load_catalogue, stale_price
from serdab.plan.catalogue_entries import ApiPrice, Electricity, Fluency, Licence, ModelCard
from serdab.plan.devices import Device, DeviceClass, Price
from serdab.plan.errors import BadCatalogue, UnknownEntry
from serdab.plan.figures import Evidence, Range, Source
from serdab.plan.shapes import Attention, Experts, Kind, Layers, Part, Shape, Weights

__all__ = [
    "STALE_DAYS",
    "ApiPrice",
    "Attention",
    "BadCatalogue",
    "Catalogue",
    "Device",
    "DeviceClass",
    "Electricity",
    "Evidence",
    "Experts",
    "Fluency",
    "Kind",
    "Layers",
    "Licence",
    "ModelCard",
    "Part",
    "Price",
    "Range",
    "Shape",
    "Source",
    "UnknownEntry",
    "Weights",
    "load_catalogue",
    "stale_price",
]
