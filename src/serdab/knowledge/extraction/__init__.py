"""What stands in a text: dates, amounts, parties, numbers of things, each with its place and why it was taken."""

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.finding import extract_fields
from serdab.knowledge.extraction.summary import score_fields, summary_fields

__all__ = ["Field", "extract_fields", "score_fields", "summary_fields"]
