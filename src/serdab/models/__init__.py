"""Which version runs, where it came from, and what was learned here."""

from serdab.models.calibration import Calibration, calibrate
from serdab.models.catalogue import MODELS, ModelEntry, model_entry
from serdab.models.errors import ModelDamaged, PullFailed, UnknownModel
from serdab.models.linear_head import Examples, HeldOut, LinearHead, train_head
from serdab.models.pulling import find_model, pull_model

__all__ = [
    "MODELS",
    "Calibration",
    "Examples",
    "HeldOut",
    "LinearHead",
    "ModelDamaged",
    "ModelEntry",
    "PullFailed",
    "UnknownModel",
    "calibrate",
    "find_model",
    "model_entry",
    "pull_model",
    "train_head",
]
