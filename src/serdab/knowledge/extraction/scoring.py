"""How right the fields of documents were found: by field, with counts and intervals, and over all pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.dates import find_dates
from serdab.knowledge.extraction.payments import answer_payment_question
from serdab.knowledge.extraction.records import Record
from serdab.knowledge.extraction.schemas import Schema
from serdab.knowledge.extraction.totals import value_of
from serdab.knowledge.intervals import wilson

#: What an answer is when the text has none.
UNKNOWN = "unknown"
#: The name under which answers to a question are told.
ANSWER = "answer"
_OF_QUESTIONS = {"question", "ideal"}
_NUMBER = re.compile(r"-?\d{1,3}(?:[ ,]\d{3}){1,5}(?:\.\d+)?|-?\d+(?:\.\d+)?")

#: Expected fields, the summary and the record of one document.
Told = tuple[Mapping[str, Any], Mapping[str, Any], Record | None]


class FieldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One field over all documents."""

    #: Values that are there, that were found, and those of them that are right.
    expected: int
    found: int
    right: int
    precision: float
    recall: float
    f1: float
    #: Wilson's interval of the recall, 95 of 100.
    recall_low: float
    recall_high: float


def score_fields(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, bool]:
    """Which of the expected fields were found right, letter case, spaces and punctuation folded; numbers by value."""
    return {name: _same(value, found.get(name)) for name, value in expected.items() if name in found}


def fields_never_read(told: Sequence[Told], schemas: Sequence[Schema]) -> list[str]:
    """The fields of documents that no schema has and no summary names: what is found of them tells nothing."""
    read = {name for _, summary, _ in told for name in summary}
    read |= {rule.name for schema in schemas for rule in schema.fields}
    return sorted({name for expected, _, _ in told for name in expected} - read - _OF_QUESTIONS)


def tabulate_fields(told: Sequence[Told], left_out: Collection[str] = ()) -> dict[str, FieldFigures]:
    """The figures of each field that any document is known to have; in the others it is truly absent.

    A document with a `question` and its `ideal` answer counts as the field `answer`.

    Args:
        told: the documents.
        left_out: fields that are not looked for.
    """
    names = {name for expected, _, _ in told for name in expected} - _OF_QUESTIONS - set(left_out)
    counts: dict[str, Counter[str]] = {}
    for expected, summary, record in told:
        for name in names:
            _count(counts, name, _values(expected.get(name)), _values(summary.get(name)))
        if "question" in expected:
            answer = answer_payment_question(record.rows if record else [], str(expected["question"]))
            _count(counts, ANSWER, _amounts(str(expected.get("ideal", ""))), _amounts(" ".join(answer)))
    return {name: _figures(count) for name, count in sorted(counts.items())}


def micro_f1(table: Mapping[str, FieldFigures]) -> float | None:
    """F1 over the pairs of all fields; None when there is none."""
    pairs = sum(figures.expected + figures.found for figures in table.values())
    return 2 * sum(figures.right for figures in table.values()) / pairs if pairs else None


def _count(counts: dict[str, Counter[str]], name: str, expected: set[str], found: set[str]) -> None:
    count = counts.setdefault(name, Counter())
    count["expected"] += len(expected)
    count["found"] += len(found)
    count["right"] += len(expected & found)


def _figures(count: Counter[str]) -> FieldFigures:
    expected, found, right = count["expected"], count["found"], count["right"]
    low, high = wilson(right, expected)
    return FieldFigures(
        expected=expected, found=found, right=right,
        precision=right / found if found else 0.0, recall=right / expected if expected else 0.0,
        f1=2 * right / (expected + found) if expected + found else 0.0, recall_low=low, recall_high=high,
    )  # fmt: skip


def _values(value: Any) -> set[str]:
    if value is None or value == "":
        return set()
    return {canonical_value(str(each)) for each in (value if isinstance(value, list) else [value])}


def _amounts(text: str) -> set[str]:
    """The amounts of an answer by value; none is an answer, too."""
    return {str(_plain(each)) for each in _NUMBER.findall(text)} or {UNKNOWN}


def canonical_value(written: str) -> str:
    """What ways of writing a value have in common: the ISO date, the number, else letters and digits in capitals."""
    date = next(iter(find_dates(written)), None)
    if date is not None and date.end - date.start >= len(written) / 2:
        return date.value
    if len(re.findall(r"[A-Za-z]", written)) <= 3:
        amount = _amount(written)
        number = re.fullmatch(rf"\D{{0,5}}({_NUMBER.pattern})\D{{0,5}}", written)
        if amount is not None:
            return str(amount.normalize())
        if number is not None:
            return str(_plain(number[1]))
    return _folded(written)


def _amount(written: str) -> Decimal | None:
    """The one amount that a value is, however thousands and decimals are written; None: it is none."""
    found = list(find_amounts(f"{written}\t"))  # As a cell: the spaces of its number are no columns.
    if len(found) != 1 or re.search(r"\d", written[: found[0].start] + written[found[0].end :]):
        return None
    return value_of(found[0])


def _plain(number: str) -> Decimal:
    return Decimal(number.replace(" ", "").replace(",", "")).normalize()


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
    if None not in numbers and not re.search(r"[A-Za-z]{4}", str(expected)):
        return numbers[0] == numbers[1]
    return _folded(str(expected)) == _folded(str(found))


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).upper()


def _number(text: str) -> Decimal | None:
    if (amount := _amount(text)) is not None:
        return amount
    match = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    if match is None:
        return None
    try:
        return Decimal(match[0].replace(",", ""))
    except InvalidOperation:
        return None
