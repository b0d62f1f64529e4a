"""Tell me what this model needs, how fast it will be here, and what it costs over three years against an API."""

from serdab.plan.answers import Answer, Point, Question, answer_question, spread_users
from serdab.plan.bad_plan import BadPlan
from serdab.plan.batching import Crowd, estimate_batched, estimate_turn
from serdab.plan.catalogue import Catalogue, load_catalogue
from serdab.plan.catalogue_entries import ApiPrice, Electricity, Fluency, Licence, ModelCard
from serdab.plan.cost import Comparison, Cost, Swing, Terms, Workload, estimate_cost, service_usd_per_million
from serdab.plan.devices import Device, DeviceClass, Price
from serdab.plan.errors import BadCatalogue, UnknownEntry
from serdab.plan.errors_of import Score
from serdab.plan.figures import Estimate, Evidence, Range, Source, Term, total
from serdab.plan.finetuning import estimate_finetuning
from serdab.plan.formats import format_named
from serdab.plan.housing import host_usd_of
from serdab.plan.images import draws_in_steps, image_memory, image_seconds
from serdab.plan.kv import cache_bytes, cache_terms
from serdab.plan.memory import MARGIN, Fit, Load, Neighbour, check_fit, memory_terms, most_sequences
from serdab.plan.model_choice import REPLACED, Refusal, Wish
from serdab.plan.options import Advice, Option
from serdab.plan.owned import recommend_for
from serdab.plan.power import estimate_power
from serdab.plan.prices import STALE_DAYS, stale_price
from serdab.plan.recommending import recommend
from serdab.plan.rescuing import rescues
from serdab.plan.serving import Served
from serdab.plan.shapes import Attention, Experts, Kind, Layers, Part, Shape, Weights
from serdab.plan.speed import Setting, estimate_decode, estimate_first_token, estimate_prefill, estimate_step
from serdab.plan.tables import FILES
from serdab.plan.this_machine import as_device
from serdab.plan.validating import validate
from serdab.plan.weights import bytes_read, known_formats, weights_of

__all__ = [
    "FILES",
    "MARGIN",
    "REPLACED",
    "STALE_DAYS",
    "Advice",
    "Answer",
    "ApiPrice",
    "Attention",
    "BadCatalogue",
    "BadPlan",
    "Catalogue",
    "Comparison",
    "Cost",
    "Crowd",
    "Device",
    "DeviceClass",
    "Electricity",
    "Estimate",
    "Evidence",
    "Experts",
    "Fit",
    "Fluency",
    "Kind",
    "Layers",
    "Licence",
    "Load",
    "ModelCard",
    "Neighbour",
    "Option",
    "Part",
    "Point",
    "Price",
    "Question",
    "Range",
    "Refusal",
    "Score",
    "Served",
    "Setting",
    "Shape",
    "Source",
    "Swing",
    "Term",
    "Terms",
    "UnknownEntry",
    "Weights",
    "Wish",
    "Workload",
    "answer_question",
    "as_device",
    "bytes_read",
    "cache_bytes",
    "cache_terms",
    "check_fit",
    "draws_in_steps",
    "estimate_batched",
    "estimate_cost",
    "estimate_decode",
    "estimate_finetuning",
    "estimate_first_token",
    "estimate_power",
    "estimate_prefill",
    "estimate_step",
    "estimate_turn",
    "format_named",
    "host_usd_of",
    "image_memory",
    "image_seconds",
    "known_formats",
    "load_catalogue",
    "memory_terms",
    "most_sequences",
    "recommend",
    "recommend_for",
    "rescues",
    "service_usd_per_million",
    "spread_users",
    "stale_price",
    "total",
    "validate",
    "weights_of",
]
