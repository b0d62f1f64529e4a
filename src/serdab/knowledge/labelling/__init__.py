"""Labels that people give: learning from them, asking for more, and measuring how well they are told."""

from serdab.knowledge.labelling.embedding import embed_wholes, maker_of
from serdab.knowledge.labelling.thresholds import Costs, choose_threshold, threshold_by_belief
from serdab.knowledge.labelling.training import Trained, find_set, train_set

__all__ = [
    "Costs",
    "Trained",
    "choose_threshold",
    "embed_wholes",
    "find_set",
    "maker_of",
    "threshold_by_belief",
    "train_set",
]
