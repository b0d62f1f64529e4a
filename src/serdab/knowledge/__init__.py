"""Find what is like this, in my own documents: labels, index, search, and the workflow that reads documents."""

from serdab.knowledge.classification import DEFAULT_SET, Classifier, Verdict
from serdab.knowledge.delivery import Delivery
from serdab.knowledge.duplicates import Alike, Duplicates
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
from serdab.knowledge.filters import Condition, Filters
from serdab.knowledge.index import Entry, Found, Index, Passage, document_id_of
from serdab.knowledge.label_files import RefusedRow
from serdab.knowledge.labels import ImportReport, LabelSet, import_labels, list_label_sets
from serdab.knowledge.outcomes import (
    FORMATS,
    BatchInfo,
    FailedDocument,
    Kept,
    Report,
    Selection,
    failed_documents,
    kept_receipts,
    list_batches,
    sum_up,
    write_report,
    write_results,
)
from serdab.knowledge.reading import Refusal, RefusedDocument, Source, find_sources
from serdab.knowledge.search import MOST_FOUND, find_alike_documents, search_documents
from serdab.knowledge.sources import (
    BadSource,
    FolderSource,
    MailboxAway,
    MailboxRefused,
    MailboxSource,
    Watched,
    WatchedSource,
    read_source,
    read_sources,
    watch_sources,
)
from serdab.knowledge.triaging import Document, Receipt, Similar, document_of, triage

__all__ = [
    "DEFAULT_SET",
    "FORMATS",
    "MOST_FOUND",
    "Alike",
    "BadDelivery",
    "BadEvaluation",
    "BadLabels",
    "BadSource",
    "BatchInfo",
    "Classifier",
    "Condition",
    "Delivery",
    "DeliveryFailed",
    "DeliveryRefused",
    "Document",
    "Duplicates",
    "Entry",
    "Evaluation",
    "FailedDocument",
    "Field",
    "FieldScore",
    "Filters",
    "FolderSource",
    "Found",
    "ImportReport",
    "Index",
    "IndexAway",
    "Kept",
    "LabelSet",
    "MailboxAway",
    "MailboxRefused",
    "MailboxSource",
    "Passage",
    "Receipt",
    "Refusal",
    "RefusedDocument",
    "RefusedRow",
    "Report",
    "Selection",
    "Similar",
    "Source",
    "Unrecorded",
    "Verdict",
    "Watched",
    "WatchedSource",
    "document_id_of",
    "document_of",
    "evaluate_triage",
    "failed_documents",
    "find_alike_documents",
    "find_sources",
    "import_labels",
    "kept_receipts",
    "list_batches",
    "list_label_sets",
    "read_source",
    "read_sources",
    "search_documents",
    "sum_up",
    "triage",
    "watch_sources",
    "write_report",
    "write_results",
]
