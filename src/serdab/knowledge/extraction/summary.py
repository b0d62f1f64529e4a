"""One value for each name that documents usually have, for readers that want no more."""

from __future__ import annotations

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.letterheads import find_letterhead, may_name_business
from serdab.knowledge.extraction.records import Record

#: Least confidence of a company where no schema looks for one: its name has a form or a trade. Else any line is one.
_NAMED = 0.75
#: By schema, names that only its record can tell.
_OWN = {"contract": ("effective_date", "jurisdiction", "term"), "receipt": ("address",), "invoice": ("address",)}
#: Schemas of papers whose head is the name of who wrote them.
_HEADED = frozenset({"receipt", "invoice", "order"})


def summary_fields(text: str, fields: list[Field], record: Record | None = None) -> dict[str, str | list[str] | None]:
    """What every text may have, date, total and party (a list), a company; what else its record has one value of."""
    first = {kind: next((field.value for field in fields if field.kind == kind), None) for kind in ("date", "total")}
    parties = [field.value for field in fields if field.kind == "party" and field.confidence >= 0.9]
    summary: dict[str, str | list[str] | None] = {**first, "party": list[str](parties[:4])}
    if (record is None or record.schema in _HEADED) and (company := _company(text)) is not None:
        summary["company"] = company
    if record is None:
        return summary
    # What the record does not say is not there: a date of another paper is not its own.
    summary |= dict.fromkeys(_OWN.get(record.schema, ()))
    for value in record.values:
        if value.name == "party":
            summary["party"] = record.all_values("party")
        else:
            summary[value.name] = value.value
    return summary


def _company(text: str) -> str | None:
    found = find_letterhead(text).get("company") if may_name_business(text) else None
    return found.value if found is not None and found.confidence >= _NAMED else None
