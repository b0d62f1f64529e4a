"""What became of documents: tables of their receipts, and a report for people."""

from serdab.knowledge.outcomes.failures import FailedDocument, failed_documents
from serdab.knowledge.outcomes.receipts import BatchInfo, Kept, Selection, kept_receipts, list_batches
from serdab.knowledge.outcomes.report import write_report
from serdab.knowledge.outcomes.summing import Report, Stage, sum_up
from serdab.knowledge.outcomes.tables import FORMATS, columns_of, plain_cell, safe_cell, write_results

__all__ = [
    "FORMATS",
    "BatchInfo",
    "FailedDocument",
    "Kept",
    "Report",
    "Selection",
    "Stage",
    "columns_of",
    "failed_documents",
    "kept_receipts",
    "list_batches",
    "plain_cell",
    "safe_cell",
    "sum_up",
    "write_report",
    "write_results",
]
