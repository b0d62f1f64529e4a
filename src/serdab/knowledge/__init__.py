"""Find what is like this, in my own documents: labels, index, search, and the workflow that reads documents."""

from serdab.knowledge.classification import DEFAULT_SET, Classifier, Verdict
from serdab.knowledge.delivery import Delivery
from serdab.knowledge.errors import (
    BadDelivery,
    BadEvaluation,
    BadLabels,
    BadSchema,
    DeliveryFailed,
    DeliveryRefused,
    IndexAway,
)
from serdab.knowledge.evaluation import Evaluation, FieldScore, Unrecorded, evaluate_triage
from serdab.knowledge.extraction import (
    Check,
    Field,
    FieldFigures,
    FieldRule,
    Look,
    Record,
    Row,
    Schema,
    Value,
    answer_payment_question,
    load_schemas,
    parse_schemas,
    read_record,
    schema_of,
    shipped_schemas,
)
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
    "BadSchema",
    "Check",
    "Classifier",
    "Delivery",
    "DeliveryFailed",
    "DeliveryRefused",
    "Document",
    "Entry",
    "Evaluation",
    "Field",
    "FieldFigures",
    "FieldRule",
    "FieldScore",
    "Found",
    "ImportReport",
    "Index",
    "IndexAway",
    "LabelSet",
    "Look",
    "Passage",
    "Receipt",
    "Record",
    "Refusal",
    "RefusedDocument",
    "RefusedRow",
    "Row",
    "Schema",
    "Similar",
    "Source",
    "Unrecorded",
    "Value",
    "Verdict",
    "answer_payment_question",
    "document_id_of",
    "document_of",
    "evaluate_triage",
    "find_sources",
    "import_labels",
    "list_label_sets",
    "load_schemas",
    "parse_schemas",
    "read_record",
    "schema_of",
    "search_documents",
    "shipped_schemas",
    "triage",
]
