"""Find what is like this, in my own documents: labels, index, search, and the workflow that reads documents."""

from serdab.knowledge.classification import DEFAULT_SET, Classifier, Verdict
from serdab.knowledge.delivery import Delivery
from serdab.knowledge.errors import (
    BadDelivery,
    BadEvaluation,
    BadLabels,
    DeliveryFailed,
    DeliveryRefused,
    IndexAway,
)
from serdab.knowledge.index import Entry, Found, Index, Passage, document_id_of
from serdab.knowledge.label_files import RefusedRow
from serdab.knowledge.labels import ImportReport, LabelSet, import_labels, list_label_sets
from serdab.knowledge.search import search_documents

__all__ = [
    "DEFAULT_SET",
    "BadDelivery",
    "BadEvaluation",
    "BadLabels",
    "Classifier",
    "Delivery",
    "DeliveryFailed",
    "DeliveryRefused",
    "Entry",
    "Found",
    "ImportReport",
    "Index",
    "IndexAway",
    "LabelSet",
    "Passage",
    "RefusedRow",
    "Verdict",
    "document_id_of",
    "import_labels",
    "list_label_sets",
    "search_documents",
]
