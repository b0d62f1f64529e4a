"""One value for each field that a kind of document has, and how right they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.parties import find_company


def summary_fields(text: str, fields: list[Field]) -> dict[str, Any]:
    """The fields of a receipt or a contract: company, date, total, party (a list), effective_date."""
    first = {kind: next((field.value for field in fields if field.kind == kind), None) for kind in ("date", "total")}
    company = find_company(text)
    parties = [field.value for field in fields if field.kind == "party" and field.confidence >= 0.9]
    return {
        "company": company.value if company else None,
        "date": first["date"],
        "total": first["total"],
        "party": parties[:4],
        "effective_date": first["date"],
    }


def score_fields(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, bool]:
    """Which of the expected fields were found right, letter case, spaces and punctuation folded; numbers by value."""
    return {name: _same(value, found.get(name)) for name, value in expected.items() if name in found}


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, list):
        wanted = {_folded(str(each)) for each in expected}
        given = {_folded(str(each)) for each in found or ()}
        return wanted <= given if wanted else not given
    if found is None:
        return expected in (None, "")
    dates = [{field.value for field in find_dates(str(each))} for each in (expected, found)]
    if all(dates):
        return bool(dates[0] & dates[1])
    numbers = [_number(str(expected)), _number(str(found))]
    if None not in numbers:
        return numbers[0] == numbers[1]
    return _folded(str(expected)) == _folded(str(found))


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).upper()


def _number(text: str) -> Decimal | None:
    match = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    if match is None:
        return None
    try:
        return Decimal(match[0].replace(",", ""))
    except InvalidOperation:
        return None
