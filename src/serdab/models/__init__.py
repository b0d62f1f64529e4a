"""Which version runs, where it came from, and what was learned here."""

from serdab.models.calibration import Calibration, calibrate
from serdab.models.catalogue import MODELS, ModelEntry, model_entry
from serdab.models.errors import BadModelFile, ModelDamaged, PullFailed, UnknownModel, UnknownShape
from serdab.models.folding import fold_rows
from serdab.models.headers.folders import ModelHead
from serdab.models.headers.reading import is_here, is_place, read_model
from serdab.models.linear_head import Examples, HeldOut, LinearHead, train_head
from serdab.models.pulling import find_model, pull_model

__all__ = [
    "MODELS",
    "BadModelFile",
    "Calibration",
    "Examples",
    "HeldOut",
    "LinearHead",
    "ModelDamaged",
    "ModelEntry",
    "ModelHead",
    "PullFailed",
    "UnknownModel",
    "UnknownShape",
    "calibrate",
    "find_model",
    "fold_rows",
    "is_here",
    "is_place",
    "model_entry",
    "pull_model",
    "read_model",
    "train_head",
]
