"""What stands in a text: dates, amounts, parties, numbers of things; and records by the schema of a type."""

from serdab.knowledge.extraction.choosing import schema_named
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.finding import extract_fields
from serdab.knowledge.extraction.payments import answer_payment_question
from serdab.knowledge.extraction.recording import read_record
from serdab.knowledge.extraction.records import Look, Record, Row, Value
from serdab.knowledge.extraction.schema_files import load_schemas, parse_schemas, shipped_schemas
from serdab.knowledge.extraction.schemas import Check, FieldRule, Schema, schema_of
from serdab.knowledge.extraction.scoring import (
    FieldFigures,
    fields_never_read,
    micro_f1,
    score_fields,
    tabulate_fields,
)
from serdab.knowledge.extraction.stated import find_stated, joined_records, moved
from serdab.knowledge.extraction.summary import summary_fields

__all__ = [
    "Check",
    "Field",
    "FieldFigures",
    "FieldRule",
    "Look",
    "Record",
    "Row",
    "Schema",
    "Value",
    "answer_payment_question",
    "extract_fields",
    "fields_never_read",
    "find_stated",
    "joined_records",
    "load_schemas",
    "micro_f1",
    "moved",
    "parse_schemas",
    "read_record",
    "schema_named",
    "schema_of",
    "score_fields",
    "shipped_schemas",
    "summary_fields",
    "tabulate_fields",
]
