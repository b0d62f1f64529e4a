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
from serdab.knowledge.evaluation import Evaluation, FieldScore, Unrecorded, evaluate_triage
from serdab.knowledge.extraction import Field
from serdab.knowledge.index import Entry, Found, Index, Passage, document_id_of
from serdab.knowledge.label_files import RefusedRow
from serdab.knowledge.labels import ImportReport, LabelSet, import_labels, list_label_sets
from serdab.knowledge.reading import Refusal, RefusedDocument, Source, find_sources
from serdab.knowledge.search import MOST_FOUND, search_documents
from serdab.knowledge.triaging import Document, Receipt, Similar, document_of, triage

__all__ = [
    "DEFAULT_SET",
    "MOST_FOUND",
    "BadDelivery",
    "BadEvaluation",
    "BadLabels",
    "Classifier",
    "Delivery",
    "DeliveryFailed",
    "DeliveryRefused",
    "Document",
    "Entry",
    "Evaluation",
    "Field",
    "FieldScore",
    "Found",
    "ImportReport",
    "Index",
    "IndexAway",
    "LabelSet",
    "Passage",
    "Receipt",
    "Refusal",
    "RefusedDocument",
    "RefusedRow",
    "Similar",
    "Source",
    "Unrecorded",
    "Verdict",
    "document_id_of",
    "document_of",
    "evaluate_triage",
    "find_sources",
    "import_labels",
    "list_label_sets",
    "search_documents",
    "triage",
]
