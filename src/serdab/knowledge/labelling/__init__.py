"""Labels that people give: learning from them, asking for more, and measuring how well they are told."""

from serdab.knowledge.labelling.describing import describe_labels, read_descriptions
from serdab.knowledge.labelling.drift import Drift, measure_drift
from serdab.knowledge.labelling.embedding import embed_wholes, maker_of
from serdab.knowledge.labelling.measures import (
    Coverage,
    calibration_error,
    calibration_error_by_chance,
    calibration_error_debiased,
    calibration_error_in_bins,
    confidence_gap,
    coverage_at,
    macro_f1,
)
from serdab.knowledge.labelling.reviewing import Answer, Doubtful, find_doubtful, take_answers
from serdab.knowledge.labelling.scoring import LanguageScore, Score, score_set
from serdab.knowledge.labelling.thresholds import Costs, choose_threshold, threshold_by_belief
from serdab.knowledge.labelling.training import Trained, costs_of, find_set, train_set

__all__ = [
    "Answer",
    "Costs",
    "Coverage",
    "Doubtful",
    "Drift",
    "LanguageScore",
    "Score",
    "Trained",
    "calibration_error",
    "calibration_error_by_chance",
    "calibration_error_debiased",
    "calibration_error_in_bins",
    "choose_threshold",
    "confidence_gap",
    "costs_of",
    "coverage_at",
    "describe_labels",
    "embed_wholes",
    "find_doubtful",
    "find_set",
    "macro_f1",
    "maker_of",
    "measure_drift",
    "read_descriptions",
    "score_set",
    "take_answers",
    "threshold_by_belief",
    "train_set",
]
