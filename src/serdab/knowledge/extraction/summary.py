"""One value for each name that documents usually have, for readers that want no more."""

from __future__ import annotations

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.parties import find_company
from serdab.knowledge.extraction.records import Record

#: By schema, names that only its record can tell.
_OWN = {"contract": ("effective_date", "jurisdiction", "term"), "receipt": ("address",), "invoice": ("address",)}
#: Schemas of papers whose head is the name of who wrote them.
_HEADED = frozenset({"receipt", "invoice", "order"})


def summary_fields(text: str, fields: list[Field], record: Record | None = None) -> dict[str, str | list[str] | None]:
    """What every text may have, date, total and party (a list); and what else its record has one value of."""
    first = {kind: next((field.value for field in fields if field.kind == kind), None) for kind in ("date", "total")}
    parties = [field.value for field in fields if field.kind == "party" and field.confidence >= 0.9]
    summary: dict[str, str | list[str] | None] = {**first, "party": list[str](parties[:4])}
    if record is None:
        return summary
    if record.schema in _HEADED and (company := find_company(text)) is not None:
        summary["company"] = company.value
    # What the record does not say is not there: a date of another paper is not its own.
    summary |= dict.fromkeys(_OWN.get(record.schema, ()))
    for value in record.values:
        if value.name == "party":
            summary["party"] = record.all_values("party")
        else:
            summary[value.name] = value.value
    return summary
