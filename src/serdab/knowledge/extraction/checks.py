"""What must agree in a record, and what a person should look at where it does not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from serdab.knowledge.extraction.adjustments import find_adjustments
from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.identifiers import WRONG_DIGITS
from serdab.knowledge.extraction.nets import COINS, ROUNDING, Sums
from serdab.knowledge.extraction.records import Look, Row, Value
from serdab.knowledge.extraction.schemas import Check, FieldRule, Schema
from serdab.knowledge.extraction.tables import MOST_ROWS
from serdab.knowledge.extraction.tax_tables import SUMMED

_PARTED = re.compile(r"[\t|]| {3}")
#: Kinds whose digits stand in the text as they are told, and how many last ones of a phone do.
_OF_DIGITS = frozenset(["money", "decimal", "iban", "phone"])
_LAST_DIGITS = 5
_PERCENTAGE = re.compile(r"(\d{1,3}(?:[.,]\d{1,3})?) ?[%٪]")
#: Characters of a line that are looked at before an amount.
_MOST_LINE = 200
#: How much surer a value must be than the next one, that the next is no rival.
LEAST_LEAD = 0.03


def check_record(
    text: str, schema: Schema, values: Sequence[Value], rows: Sequence[Row],
    amounts: Sequence[Field] = (), found: Mapping[str, Sequence[Field]] | None = None,
) -> Iterator[Look]:  # fmt: skip
    """What the schema asks for and is not there, and what does not agree.

    Args:
        text: of the document.
        schema: that it was read by.
        values: that are told.
        rows: that are told.
        amounts: all of the text.
        found: by field, the amounts that may be its value, told or not.
    """
    # Lines without cells are read by guess: a sum of them that is wrong says more about the guess than the paper.
    is_parted = any(re.search(r"[\t|]", text[row.start : row.end]) for row in rows)
    # Of a longer table the sum is not known.
    is_parted = is_parted and len(rows) < MOST_ROWS
    parted = [row for row in rows if is_parted and _PARTED.search(text, row.start, row.end)]
    there = {value.name for value in values} | {row.name for row in rows}
    for rule in schema.fields:
        if rule.required and rule.name not in there:
            yield Look(reason=f"{rule.name} is required and was not found", field=rule.name)
    for value in values:
        if value.reason.endswith(WRONG_DIGITS):
            yield Look(
                reason=f"the check digits of this {value.kind} are wrong",
                field=value.name,
                start=value.start,
                end=value.end,
            )
    for check in schema.checks:
        if check.check == "order":
            yield from _in_order(check, values)
        elif check.check == "sum":
            yield from _sums(check, values, parted)
    yield from _totals(text, schema, values, parted, amounts, found or {})


def rivals(text: str, rule: FieldRule, found: Sequence[Field]) -> Iterator[Look]:
    """A look when two values of one field are nearly as sure as each other; taxes of two rates are both true."""
    if rule.many or rule.first or len(found) < 2:
        return
    first = found[0]
    second = next((each for each in found[1:] if each.value != first.value), None)
    if second is None or (rule.kind == "money" and _rate(text, first) != _rate(text, second)):
        return
    if abs(first.confidence - second.confidence) < LEAST_LEAD:
        reason = f"{rule.name} may also be {second.value}: both are as likely"
        yield Look(reason=reason, field=rule.name, start=second.start, end=second.end)


def _rate(text: str, found: Field) -> str:
    """The percentage in the line of an amount, as it is written; empty: it has none."""
    start = max(text.rfind("\n", 0, found.start) + 1, found.start - _MOST_LINE)
    rate = _PERCENTAGE.search(plain_digits(text[start : found.start]))
    return rate[1] if rate is not None else ""


def places_are_true(text: str, values: Sequence[Value]) -> Iterator[Look]:
    """A look for each value that its place in the text does not hold."""
    for value in values:
        written = text[value.start : value.end]
        if not written.strip() or not _holds_digits(value, written):
            reason = f"{value.name} {value.value} does not occur in the text where it was found"
            yield Look(reason=reason, field=value.name, start=value.start, end=value.end)


def _holds_digits(value: Value, written: str) -> bool:
    """Whether a place has the digits of its value; where a value has none, or is written in words, there are no two."""
    if value.kind not in _OF_DIGITS or value.reason.startswith(SUMMED):
        return True
    there = re.sub(r"\D", "", plain_digits(written))
    # A country code and decimals may be added: the digits before the point, of a phone the last ones, must be there.
    wanted = re.sub(r"\D", "", value.value.split(".")[0])
    return not there or (wanted[-_LAST_DIGITS:] if value.kind == "phone" else wanted.lstrip("0")) in there


def _in_order(check: Check, values: Sequence[Value]) -> Iterator[Look]:
    dates = [value for name in check.fields for value in values if value.name == name]
    for before, after in itertools.pairwise(dates):
        if before.value > after.value:
            reason = f"{after.name} {after.value} is before {before.name} {before.value}"
            yield Look(reason=reason, field=after.name, start=after.start, end=after.end)


def _sums(check: Check, values: Sequence[Value], rows: Sequence[Row]) -> Iterator[Look]:
    by_name = {value.name: value for value in values}
    total = by_name.get(check.fields[0])
    lines = [row for row in rows if row.name in check.fields]
    if total is None or not lines:
        return
    said = _number(total.value)
    summed = _summed(lines)
    others = _others(check, by_name)
    if abs(summed + others - said) > ROUNDING * (len(lines) + 1):
        yield _differs(total, f"its {len(lines)} lines make {_told(summed, others)}")


def _totals(
    text: str, schema: Schema, values: Sequence[Value], rows: Sequence[Row],
    amounts: Sequence[Field], found: Mapping[str, Sequence[Field]],
) -> Iterator[Look]:  # fmt: skip
    """What does not make the total: its lines, its subtotal, or net and tax; one look is enough."""
    net = next((check for check in schema.checks if check.check == "net"), None)
    agrees = _nets_agree(net, text, amounts, values, found) if net is not None else None
    totals = [check for check in schema.checks if check.check == "total"]
    looks = [look for check in totals for look in _total(check, text, amounts, values, rows, is_made=agrees is True)]
    yield from looks
    if net is not None and agrees is False and not looks:
        total, base, tax = (next(value for value in values if value.name == name) for name in net.fields)
        yield _differs(total, f"{base.name} and {tax.name} make {_told(_number(base.value), _number(tax.value))}")


def _nets_agree(
    check: Check, text: str, amounts: Sequence[Field], values: Sequence[Value], found: Mapping[str, Sequence[Field]]
) -> bool | None:
    """Whether total, net and tax of a check agree; None: one is not told, or what they leave out is."""
    told = {value.name: value.start for value in values}
    totals, nets, taxes = (found.get(name, ()) if name in told else () for name in check.fields)
    net = next((each for each in nets if each.start == told[check.fields[1]]), None)
    if not totals or net is None or not taxes:
        return None
    sums = Sums(text, totals[0], taxes, amounts)
    return True if sums.is_made(net, nets) else False if sums.doubts(net, nets) else None


def _total(
    check: Check, text: str, amounts: Sequence[Field], values: Sequence[Value], rows: Sequence[Row], *, is_made: bool
) -> Iterator[Look]:
    """A total that neither its lines nor its subtotal make, with what stands between them and without.

    `is_made`: by net and tax, so that no subtotal is asked: nets of several rates are none of each other.
    """
    by_name = {value.name: value for value in values}
    total = by_name.get(check.fields[0])
    if total is None:
        return
    said = _number(total.value)
    lines = [row for row in rows if row.name in check.fields and row.end <= total.start]
    line_of_total = max(text.rfind("\n", 0, total.start), text.rfind("\f", 0, total.start)) + 1
    between = find_adjustments(text, amounts, lines[-1].end if lines else 0, line_of_total)
    others = _others(check, by_name)
    if lines:
        base, told = _summed(lines), f"its {len(lines)} lines make"
    elif not is_made and between.subtotal is not None and between.is_whole:
        base, told = between.subtotal, "its subtotal and what is added make"
    else:
        return
    slack = ROUNDING * (len(lines) + 1) + COINS
    possible = between.totals_of(base) | {base + others, base + between.charges + others}
    # An invoice on account asks for what the next one takes off.
    is_on_account = said > 0 and between.charges == -said
    if not is_on_account and all(abs(each - said) > slack for each in possible):
        yield _differs(total, f"{told} {_told(base, between.charges + (between.taxes or others))}")


def _summed(lines: Sequence[Row]) -> Decimal:
    return sum((_number(row.cells.get("amount", "0")) for row in lines), Decimal(0))


def _others(check: Check, by_name: Mapping[str, Value]) -> Decimal:
    return sum((_number(by_name[name].value) for name in check.fields[1:] if name in by_name), Decimal(0))


def _told(base: Decimal, others: Decimal) -> str:
    return f"{base} {'-' if others < 0 else '+'} {abs(others)}" if others else f"{base}"


def _differs(total: Value, made: str) -> Look:
    reason = f"{total.name} is {_number(total.value)}, but {made}"
    return Look(reason=reason, field=total.name, start=total.start, end=total.end)


def _number(value: str) -> Decimal:
    try:
        return Decimal(value.split(" ")[0])
    except (InvalidOperation, IndexError):
        return Decimal(0)
