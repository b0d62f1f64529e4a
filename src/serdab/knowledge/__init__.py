"""Find what is like this, in my own documents: labels, index, search, and the workflow that reads documents."""

from serdab.knowledge.classification import DEFAULT_SET, Classifier, Verdict
from serdab.knowledge.coalescing import Link
from serdab.knowledge.delivery import Delivery
from serdab.knowledge.errors import (
    BadDelivery,
    BadEvaluation,
    BadLabels,
    DeliveryFailed,
    DeliveryRefused,
    IndexAway,
)
from serdab.knowledge.evaluation import Evaluation, FieldScore, Unrecorded, evaluate_triage
from serdab.knowledge.extraction import Field
from serdab.knowledge.heads import Choice
from serdab.knowledge.index import Entry, Found, Index, Passage, document_id_of
from serdab.knowledge.label_files import RefusedRow
from serdab.knowledge.labelling import (
    Answer,
    Costs,
    Doubtful,
    Drift,
    Score,
    describe_labels,
    find_doubtful,
    measure_drift,
    read_descriptions,
    score_set,
    take_answers,
)
from serdab.knowledge.labels import (
    ImportReport,
    KnownLabel,
    LabelSet,
    TrainReport,
    import_labels,
    labels_link,
    list_label_sets,
    show_labels,
    show_labels_of,
    train_labels,
)
from serdab.knowledge.reading import Refusal, RefusedDocument, Source, find_sources
from serdab.knowledge.search import MOST_FOUND, search_documents
from serdab.knowledge.triaging import Document, Receipt, Similar, document_of, triage

__all__ = [
    "DEFAULT_SET",
    "MOST_FOUND",
    "Answer",
    "BadDelivery",
    "BadEvaluation",
    "BadLabels",
    "Choice",
    "Classifier",
    "Costs",
    "Delivery",
    "DeliveryFailed",
    "DeliveryRefused",
    "Document",
    "Doubtful",
    "Drift",
    "Entry",
    "Evaluation",
    "Field",
    "FieldScore",
    "Found",
    "ImportReport",
    "Index",
    "IndexAway",
    "KnownLabel",
    "LabelSet",
    "Link",
    "Passage",
    "Receipt",
    "Refusal",
    "RefusedDocument",
    "RefusedRow",
    "Score",
    "Similar",
    "Source",
    "TrainReport",
    "Unrecorded",
    "Verdict",
    "describe_labels",
    "document_id_of",
    "document_of",
    "evaluate_triage",
    "find_doubtful",
    "find_sources",
    "import_labels",
    "labels_link",
    "list_label_sets",
    "measure_drift",
    "read_descriptions",
    "score_set",
    "search_documents",
    "show_labels",
    "show_labels_of",
    "take_answers",
    "train_labels",
    "triage",
]
