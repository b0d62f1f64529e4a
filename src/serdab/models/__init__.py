"""Which version runs, where it came from, and what was learned here."""

from serdab.models.catalogue import MODELS, ModelEntry, model_entry
from serdab.models.errors import ModelDamaged, PullFailed, UnknownModel
from serdab.models.linear_head import Examples, LinearHead, train_head
from serdab.models.pulling import find_model, pull_model

__all__ = [
    "MODELS",
    "Examples",
    "LinearHead",
    "ModelDamaged",
    "ModelEntry",
    "PullFailed",
    "UnknownModel",
    "find_model",
    "model_entry",
    "pull_model",
    "train_head",
]
