"""A text read by the schema of its type."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence

from serdab.knowledge.extraction.announced import find_announced, words_pattern
from serdab.knowledge.extraction.candidates import Candidates
from serdab.knowledge.extraction.checks import check_record, places_are_true, rivals
from serdab.knowledge.extraction.choosing import choose_schema
from serdab.knowledge.extraction.contract_parties import find_contract_parties
from serdab.knowledge.extraction.contracts import find_effective_date, find_jurisdiction, find_term
from serdab.knowledge.extraction.denominations import Denominations
from serdab.knowledge.extraction.due_dates import find_due_date
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.letterheads import find_letterhead
from serdab.knowledge.extraction.letters import Letter, find_letter
from serdab.knowledge.extraction.nets import Sums, choose_nets
from serdab.knowledge.extraction.payment_terms import find_payment_term
from serdab.knowledge.extraction.payments import payment_rows
from serdab.knowledge.extraction.periods import find_period_end, find_period_start
from serdab.knowledge.extraction.recipients import find_recipient, without_those_of
from serdab.knowledge.extraction.records import Look, Record, Row, Value
from serdab.knowledge.extraction.schema_files import shipped_schemas
from serdab.knowledge.extraction.schemas import FieldRule, Schema
from serdab.knowledge.extraction.suppliers import whose_invoice
from serdab.knowledge.extraction.tables import find_rows
from serdab.knowledge.extraction.tax_lines import find_tax_of_lines
from serdab.knowledge.extraction.tax_tables import TaxTable, find_tax_table
from serdab.knowledge.extraction.totals import OF_NET, find_total

#: Most characters that are looked at, and most values of one field that are told.
MOST_CHARACTERS = 200_000
MOST_OF_A_FIELD = 50


def read_record(
    text: str, *, lang: str = "", doc_type: str = "", schemas: Sequence[Schema] | None = None,
    stated: Mapping[str, Sequence[Field]] | None = None,
) -> Record | None:  # fmt: skip
    r"""The values, rows and looks of a text by its schema; None when no schema fits.

    Args:
        text: in normal form; `\f` between pages, a tab between the cells of a row.
        lang: two letters, for numbers that are written by country.
        doc_type: names the schema when one has that name; else it is chosen by the words of the text.
        schemas: those that may be chosen, the first wins; None: those that ship.
        stated: by field, what a program wrote, the first counts; nothing else is taken for these fields.
    """
    text = text[:MOST_CHARACTERS]
    chosen = choose_schema(text, doc_type, shipped_schemas() if schemas is None else schemas)
    if chosen is None:
        return None
    schema, confidence = chosen
    reader = _Reader(text, lang, schema, stated or {})
    for rule in schema.fields:
        reader.read(rule)
    looks = [
        *(look for look in reader.looks if not _is_told(look, reader.values)),
        *check_record(text, schema, reader.values, reader.rows, reader.amounts(schema), reader.found),
        *places_are_true(text, reader.values),
    ]
    return Record(schema=schema.schema, confidence=confidence, values=reader.values, rows=reader.rows, looks=looks)


#: Finders that need nothing but the text.
_OF_TEXT: dict[str, Callable[[str], Field | None]] = {
    "effective_date": find_effective_date, "jurisdiction": find_jurisdiction, "term": find_term,
}  # fmt: skip


#: Kinds that the sender and the recipient of a paper both have.
_OF_SOMEBODY = frozenset(["vat", "email", "phone"])


class _Reader:
    """Collects what the rules of one schema find in one text."""

    def __init__(self, text: str, lang: str, schema: Schema, stated: Mapping[str, Sequence[Field]]) -> None:
        self.values: list[Value] = []
        self.rows: list[Row] = []
        self.looks: list[Look] = []
        #: By field, the amounts that may be its value.
        self.found: dict[str, list[Field]] = {}
        self._text = text
        self._schema = schema
        self._stated = stated
        self._candidates = Candidates(text, lang)
        self._denominations = Denominations(text, lang)
        self._letterhead: Mapping[str, Field] | None = None
        #: By field, what its words announce; customers are asked about twice.
        self._behind_words: dict[str, list[Field]] = {}
        #: Who is addressed at the head of an invoice.
        self._recipient: Field | None = None
        #: Where the date ends that the record tells as the first of a period.
        self._period_began: int | None = None

    def amounts(self, schema: Schema) -> list[Field]:
        """All amounts of the text, where the schema has a total to check."""
        return self._candidates.of_kind("money") if any(each.check == "total" for each in schema.checks) else []

    def read(self, rule: FieldRule) -> None:
        """Add what a rule finds."""
        if rule.finder == "lines":
            self.rows += find_rows(self._text, rule.name)
            return
        if rule.finder == "payments":
            self.rows += payment_rows(self._text, rule.name)
            return
        found = self._found(rule)
        if rule.kind == "money":
            self.found[rule.name] = found
        if rule.finder == "due_date":
            found = self._by_terms(rule, found)
        if rule.finder == "net" and rule.name not in self._stated:
            found = self._nets(rule, found)
        self.looks += rivals(self._text, rule, found)
        kept = _different(found)[:MOST_OF_A_FIELD] if rule.many else found[:1]
        if rule.finder == "period_start" and kept:
            self._period_began = kept[0].end
        if rule.kind == "money":
            kept = [self._denominations.of(each) for each in kept]
        for each in sorted(kept, key=lambda field: field.start):
            self.values.append(
                Value(
                    name=rule.name, kind=rule.kind, value=each.value, start=each.start, end=each.end,
                    page=self._page(each.start), confidence=round(each.confidence, 4), reason=each.reason,
                )
            )  # fmt: skip

    def _found(self, rule: FieldRule) -> list[Field]:
        if rule.name in self._stated:
            return list(self._stated[rule.name][:1])
        # Who is called the seller is, wherever he stands; only then the head of the paper says whose it is.
        is_named_first = rule.finder in {"company", "customer", "period_start"} and rule.words
        named = self._announced(rule) if is_named_first else []
        found = named or self._by_finder(rule) or self._announced(rule)
        if rule.kind in _OF_SOMEBODY and self._customer is not None:
            customer = next((value for value in self.values if value.name == self._customer.name), None)
            found = without_those_of(customer, self._text, found) if customer is not None else found
        return found

    def _announced(self, rule: FieldRule) -> list[Field]:
        if rule.name not in self._behind_words:
            self._behind_words[rule.name] = find_announced(rule, self._candidates, self._schema)
        return self._behind_words[rule.name]

    def _by_finder(self, rule: FieldRule) -> list[Field]:
        if rule.finder == "parties":
            return find_contract_parties(self._text)
        if rule.finder in _OF_TEXT:
            found = _OF_TEXT[rule.finder](self._text)
        elif rule.finder in {"company", "address", "customer"}:
            found = self._of_parties(rule.finder)
        elif rule.finder == "total":
            found = self._total()
        elif rule.finder == "tax":
            found = self._agreed_table.tax if self._agreed_table is not None else self._tax_of_lines()
        elif rule.finder == "first_line":
            found = next(iter(self._announced(rule)), None) or _first_line(self._text)
        else:
            found = self._date_by_finder(rule)
        return [found] if found is not None else []

    def _of_parties(self, finder: str) -> Field | None:
        """Whose paper it is, his address, or whom it is for."""
        letter = self._letter
        if letter is not None and (letter.sender is not None or finder == "customer"):
            told = {"company": letter.sender, "address": letter.address, "customer": letter.recipient}[finder]
            if told is not None:
                return told
        if finder == "customer":
            return self._recipient or find_recipient(self._text)
        if self._letterhead is None:
            self._letterhead = find_letterhead(self._text)
        found = self._letterhead.get(finder)
        return self._supplier(found, self._customer) if finder == "company" and self._customer is not None else found

    def _date_by_finder(self, rule: FieldRule) -> Field | None:
        """A date that others of the record tell; None where the finder is none of these."""
        if rule.finder == "due_date":
            own = self._own_date()
            return find_due_date(self._text, own.value if own is not None else None)
        if rule.finder == "period_start":
            return find_period_start(self._text, self._candidates.of_kind("date"))
        if rule.finder == "period_end" and self._period_began is not None:
            return find_period_end(self._text, self._candidates.of_kind("date"), self._period_began)
        return None

    def _own_date(self) -> Value | None:
        return next((value for value in self.values if value.name == "date" and value.kind == "date"), None)

    def _by_terms(self, rule: FieldRule, found: list[Field]) -> list[Field]:
        """The day that terms of payment make, where none is named, or one behind the terms without words of its own."""
        told = find_payment_term(self._text, self._candidates.of_kind("date"), self._own_date())
        if told is None:
            return found
        term, doubt = told
        if found and (term.end > found[0].start or "\n" in self._text[term.end : found[0].start]):
            return found
        pattern = words_pattern(rule.words) if found else None
        if pattern is not None and pattern.search(self._text, term.end, found[0].start):
            return found
        if doubt:
            reason = f"{rule.name} {term.value} {doubt}"
            self.looks.append(Look(reason=reason, field=rule.name, start=term.start, end=term.end))
        return [term]

    def _nets(self, rule: FieldRule, found: list[Field]) -> list[Field]:
        if self._agreed_table is not None and self._agreed_table.nets:
            return list(self._agreed_table.nets)
        words = words_pattern(rule.words)
        if words is None or not found:
            return []
        total, taxes = self.found.get("total"), self.found.get("tax", [])
        sums = Sums(self._text, total[0], taxes, self._candidates.of_kind("money")) if total else None
        return choose_nets(self._text, found, words, sums)

    @functools.cached_property
    def _customer(self) -> FieldRule | None:
        return next((rule for rule in self._schema.fields if rule.finder == "customer"), None)

    @functools.cached_property
    def _letter(self) -> Letter | None:
        """Who writes to whom, where no label says whom the paper is for."""
        if self._customer is None or self._announced(self._customer):
            return None
        amounts = self._candidates.of_kind("money")
        return find_letter(self._text, amounts[0].start if amounts else len(self._text))

    def _supplier(self, head: Field | None, customer: FieldRule) -> Field | None:
        """Whose invoice it is; who stands at its head instead is the customer."""
        self._recipient = find_recipient(self._text)
        customers = [each.value for each in (*self._announced(customer), self._recipient) if each is not None]
        amounts = self._candidates.of_kind("money")
        found = whose_invoice(self._text, head, customers, amounts[0].start if amounts else len(self._text))
        if head is not None and found != head:
            self._recipient = self._recipient or head
        return found

    @functools.cached_property
    def _tax_table(self) -> TaxTable | None:
        return find_tax_table(self._text, self._candidates.of_kind("money"))

    @property
    def _agreed_table(self) -> TaxTable | None:
        """The table of tax rates, unless it comes to another total than the one that was found."""
        total = self.found.get("total", [])
        return (
            self._tax_table if self._tax_table is not None and self._tax_table.makes(next(iter(total), None)) else None
        )

    def _total(self) -> Field | None:
        """The total by its words; of a table of tax rates where that is surer, or has the words."""
        found, table = find_total(self._text, self._candidates.of_kind("money")), self._tax_table
        if table is None or table.gross is None:
            return found
        is_better = found is None or found.confidence <= OF_NET or table.start <= found.start < table.end
        return table.gross if is_better else found

    def _tax_of_lines(self) -> Field | None:
        total = self.found.get("total")
        return find_tax_of_lines(self._text, self._candidates.of_kind("money"), total[0]) if total else None

    def _page(self, place: int) -> int:
        return 1 + self._text.count("\f", 0, place)


def _is_told(look: Look, values: Sequence[Value]) -> bool:
    """Whether what may also be the value of a field is known as that of another."""
    return any(value.name != look.field and value.start < look.end and look.start < value.end for value in values)


def _different(found: Sequence[Field]) -> list[Field]:
    first: dict[str, Field] = {}
    for each in found:
        first.setdefault(each.value, each)
    return list(first.values())


def _first_line(text: str) -> Field | None:
    """The first short line of letters: who writes of himself stands there."""
    for match in re.finditer(r"[^\n\f\t]{2,80}", text[:1_000]):
        words = match[0].split()
        if 2 <= len(words) <= 5 and all(word[0].isalpha() and not any(map(str.isdigit, word)) for word in words):
            if re.search(r"curriculum|vitae|resume|lebenslauf|السيرة|الذاتية|简历", match[0], re.I):
                continue
            return Field(
                kind="party", value=" ".join(words), start=match.start(), end=match.end(), confidence=0.65,
                reason="the first line of letters only",
            )  # fmt: skip
    return None
