"""The amount before tax: which one it is, and whether with the tax it makes the total."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from decimal import Decimal

from serdab.knowledge.extraction.adjustments import Adjustments, find_adjustments
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.totals import names_sum, value_of

#: What sums may differ by through rounding: for each amount, and as totals are rounded to coins.
ROUNDING = Decimal("0.01")
COINS = Decimal("0.05")
#: How far behind a net the total may stand, characters.
_REACH = 2_000
#: Characters of a line that are looked at before an amount.
_MOST_LINE = 200
#: Most amounts before tax that are looked at, and most of them, and of taxes, of which sums are made.
_MOST_NETS, _MOST = 12, 6
#: A sum on the way, which is the one before tax only where nothing but tax follows.
_ON_THE_WAY = re.compile(
    r"sub[\s-]?tot|sous[\s-]total|zwischensumme|warenwert|subtotaal|delsum|mellansumma|mellomsum|välisumma|mezisouč|"
    r"المجموع الفرعي|小计|小計|ביניים",
    re.I,
)
#: A word behind those for a net, which makes them those of another thing: net weight.
_WORD = re.compile(r"[^\W\d_]{4,}")
_MARKS = " \t|(*#:.-"


class Sums:
    """What the amounts around one total come to; signs are left out, as few credit notes write them throughout."""

    def __init__(self, text: str, total: Field, taxes: Sequence[Field], amounts: Sequence[Field]) -> None:
        self.total = abs(value_of(total))
        self._text, self._amounts = text, amounts
        self._place = total.start
        self._line_of_total = max(text.rfind("\n", 0, total.start), text.rfind("\f", 0, total.start)) + 1
        self._taxes = [abs(value_of(tax)) for tax in taxes[:_MOST]]
        self._between: dict[int, Adjustments] = {}
        self._written = {abs(value_of(amount)) for amount in amounts}

    def between(self, net: Field) -> Adjustments:
        """What stands between an amount before tax and the total."""
        if net.start not in self._between:
            near = [amount for amount in self._amounts if 0 <= amount.start - net.end < _REACH]
            self._between[net.start] = find_adjustments(self._text, near, net.end, self._line_of_total)
        return self._between[net.start]

    def taxes(self, net: Field) -> set[Decimal]:
        """What the tax may be: one of those that are told, or all of them, each rate once or as often as it is told."""
        told = self._taxes
        return {*told, sum(told, Decimal(0)), sum(set(told), Decimal(0)), abs(self.between(net).taxes)} - {Decimal(0)}

    def is_made(self, net: Field, nets: Sequence[Field] = ()) -> bool:
        """Whether the net, or all nets of several rates, make the total with the tax."""
        bases, taxes = [base for base in _bases(net, nets) if base < self.total], self.taxes(net)
        return any(self._are_near(base + tax, self.total) for base in bases for tax in taxes)

    def is_explained(self, net: Field, nets: Sequence[Field]) -> bool:
        """Whether there is another reason: it holds the tax, charges follow, or the gross is not the total."""
        charges, taxes = {Decimal(0), self.between(net).charges}, self.taxes(net) | {Decimal(0)}
        made = [base + tax + charge for base in _bases(net, nets) for tax in taxes for charge in charges]
        grosses = {amount for amount in self._written if amount > abs(value_of(net))} | {self.total}
        return any(self._are_near(each, gross) for each in made for gross in grosses)

    def may_be_net(self, net: Field) -> bool:
        """Whether an amount that does not make the total may be the one before tax all the same."""
        value = abs(value_of(net))
        if net.start != self._place and value > self.total:
            # A part of what it makes with the tax was paid. That must be printed: a discount leaves such a sum, too.
            return any(value + tax in self._written for tax in self.taxes(net))
        if net.start == self._place or (self.taxes(net) and self._are_near(value, self.total)):
            return False
        line = _line_before(self._text, net)
        if _ON_THE_WAY.search(line):
            return bool(self.taxes(net)) and self.between(net).charges == 0
        return True

    def doubts(self, net: Field, nets: Sequence[Field]) -> bool:
        """Whether a net stands before the total, nothing unknown between them, and they do not agree."""
        if not 0 <= self._line_of_total - net.end < _REACH or not self.taxes(net) or not self.between(net).is_whole:
            return False
        return not self.is_made(net, nets) and not self.is_explained(net, nets)

    def _are_near(self, one: Decimal, other: Decimal) -> bool:
        return abs(one - other) <= ROUNDING * (len(self._taxes) + 1) + COINS


def choose_nets(text: str, found: Sequence[Field], words: re.Pattern[str], sums: Sums | None) -> list[Field]:
    """The net among amounts at its words: the one that makes the total, else those that do together, else the surest.

    Args:
        text: of the document.
        found: the amounts, the surest first; one that makes no total needs its words, and no others, before it.
        words: what announces a net.
        sums: of the total; None: there is none.
    """
    found = found[:_MOST_NETS]
    agreed = next((net for net in found if sums is not None and sums.is_made(net)), None)
    if agreed is not None:
        return [agreed]
    plain = [net for net in found if _is_plain(text, net, words) and (sums is None or sums.may_be_net(net))]
    is_of_rates = sums is not None and len(plain) > 1 and sums.is_made(plain[0], plain)
    return plain if is_of_rates else plain[:1]


def _is_plain(text: str, net: Field, words: re.Pattern[str]) -> bool:
    """Whether the line of an amount begins with words for a net, with those for a sum at most: no fishing net."""
    line = _line_before(text, net)
    *_, last = (None, *words.finditer(line))
    if last is None or _WORD.search(line, last.end()):
        return False
    before = line[: last.start()].strip(_MARKS)
    return not before or names_sum(before)


def _line_before(text: str, amount: Field) -> str:
    return text[max(text.rfind("\n", 0, amount.start) + 1, amount.start - _MOST_LINE) : amount.start]


def _bases(net: Field, nets: Sequence[Field]) -> set[Decimal]:
    """A net, and what several of them come to."""
    several = [abs(value_of(each)) for each in nets[:_MOST]]
    sizes = range(2, len(several) + 1)
    sums = {sum(some, Decimal(0)) for size in sizes for some in itertools.combinations(several, size)}
    return {abs(value_of(net))} | sums
