"""Whose invoice it is where the head of the paper says whom it is for: a supplier lower down, or at the foot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.letterheads import has_form, is_address, is_name, is_recipient, name_with_form
from serdab.knowledge.extraction.names import folded_name

#: Lines of a page that are looked at, from its head and from its foot, and characters of one.
_MOST_LINES, _MOST_LINE = 60, 300
#: Lines with the address and the numbers of a company, its name among them.
_BLOCK = 5
#: Characters of the block at the head, and confidence of a name with numbers of its own.
_MOST_HEAD, _BY_NUMBERS = 400, 0.8
#: Numbers that only who sends an invoice has on it: of taxes, of a register.
NUMBERS = re.compile(
    r"\b(?:ust[ .-]{0,2}id|uid\b|mwst[ .-]{0,2}nr|st(?:euer|\.)[ -]?n(?:umme)?r|vat\b|tva\b|p\.? ?iva|partita iva|"
    r"btw\b|nif\b|cif\b|siret|siren|rcs\b|hr[ab] ?\d|amtsgericht|handelsregister|firmenbuch|kvk|org\.? ?(?:nr|no)|"
    r"organisationsnummer|momsreg|f-skatt|cvr|nip\b|regon|krs\b|y-tunnus|alv-?nro|ičo?\b|dič\b|abn\b|acn\b|(?-i:EIN)\b|"
    r"company (?:no|number|reg)|registered (?:in|office|no)|gstin|cuit|rfc\b|cnpj|nipc|contribuinte|adószám|cui\b)",
    re.I,
)
#: What else stands beside the name of a sender: how he is reached, and where he is paid.
REACHED = re.compile(r"\b(?:tel|fon|phone|fax|mobil|iban|bic|bankgiro|plusgiro)\b|www\.|@|\+\d{2}", re.I)
#: Between the parts of a line at the foot.
_PARTS = re.compile(r"\s?[·•|–—\t;]\s?| - ")
_LIST = re.compile(", ")
_BANK = re.compile(
    r"bank|sparkasse|banque|\bbanc[oa]\b|caixa|crédit\b|\bkasse\b|giro|software|powered|printed|factoring", re.I
)
#: Who is to be paid.
_PAYEE = re.compile(
    r"(?:^|[.,;] |\b)(?:remit(?: payment)?s? to|(?:che(?:ck|que)s? )?payable to|beneficiary|account (?:holder|name)|"
    r"kontoinhaber(?:in)?|zahlungsempfänger|t\.n\.v\.|ten name van|à l'ordre de|titulaire(?: du compte)?|"
    r"titular|intestat(?:o a|ario)|beneficiario|mottagare|saaja)\s?:?\s(?=[^\W\d_])([^\n\f\t]{3,120})",
    re.I | re.M,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    words: str


def find_supplier(text: str, others: Sequence[str]) -> Field | None:
    """The company with its own numbers below the head of the first page, or of the last; else who is to be paid.

    Args:
        text: of an invoice.
        others: names that are not the supplier's.
    """
    known = {folded_name(other) for other in others}
    found = [each for each in _candidates(text) if folded_name(each.value) not in known]
    best = max(found, key=lambda each: each.confidence, default=None)  # the first of the surest
    return (
        best
        if best is not None
        else next((each for each in _payees(text) if folded_name(each.value) not in known), None)
    )


def whose_invoice(text: str, head: Field | None, customers: Sequence[str], first_amount: int) -> Field | None:
    """The supplier: at the head, unless that is a customer or has no numbers of its own and somebody at the foot has.

    Args:
        text: of an invoice.
        head: the company at its head.
        customers: who are called that.
        first_amount: where the first amount stands; the foot is behind it.
    """
    others = [*customers, *([head.value] if head is not None else [])]
    if head is None or any(folded_name(head.value).endswith(folded_name(customer)) for customer in customers):
        return find_supplier(text, others)
    block = text[head.start : head.end + _MOST_HEAD].split("\n\n")[0]
    if NUMBERS.search(block) or REACHED.search(block):
        return head
    foot = [each for each in _candidates(text) if each.start > first_amount and each.confidence >= _BY_NUMBERS]
    return next((each for each in foot if not are_alike(each.value, head.value)), head)


def are_alike(one: str, other: str) -> bool:
    """Whether one name may be a short form of the other: a mark at the head, the company at the foot."""
    return bool(name_words(one) & name_words(other))


def name_words(name: str) -> set[str]:
    """The words of a name by which it is known, in small letters."""
    return {word for word in re.findall(r"[^\W\d_]{4,}", name.lower()) if word != "gmbh"}


def _candidates(text: str) -> Iterator[Field]:
    first, last = text.find("\f"), text.rfind("\f") + 1
    yield from _of_page(text, 0, first if first >= 0 else len(text))
    if last:
        yield from _of_page(text, last, len(text))


def _of_page(text: str, start: int, end: int) -> Iterator[Field]:
    """The names on a page that have numbers of their own beside or below them, but for those of who gets it."""
    lines: list[_Line] = []
    for words in text[start:end].split("\n"):
        lines.append(_Line(start, words[:_MOST_LINE]))
        start += len(words) + 1
    if len(lines) > 2 * _MOST_LINES:
        lines = lines[:_MOST_LINES] + lines[-_MOST_LINES:]
    others = 0
    for place, line in enumerate(lines):
        if not line.words.strip():
            others = 0
        elif is_recipient(line.words):
            others = _BLOCK
        elif others:
            others -= 1
        else:
            yield from _of_line(lines[place : place + _BLOCK], line)


def _of_line(block: Sequence[_Line], line: _Line) -> Iterator[Field]:
    if not has_form(line.words) and NUMBERS.search(line.words) is None:
        return  # the most of them, and quickly known
    filled = next((at for at, each in enumerate(block) if not each.words.strip()), len(block))
    beside = [each.words for each in block[:filled]]
    name = _name(line.words.strip())
    if _PAYEE.search(line.words) or _BANK.search(name) or not is_name(name) or not name[0].isupper():
        return
    has_numbers = any(map(NUMBERS.search, beside))
    if has_form(name):
        sure = _BY_NUMBERS if has_numbers else 0.6 if any(map(REACHED.search, beside)) else 0.0
    else:
        # A name without a legal form is sure only in the line of its address and numbers.
        parts = re.split(r"\s?[·•|–—\t;]\s?| - |, ", line.words)[1:]
        sure = 0.55 if len(parts) > 1 and any(map(is_address, parts)) and NUMBERS.search(line.words) else 0.0
    if sure:
        start = line.start + line.words.index(name)
        reason = "the name beside its own numbers" if has_numbers else "the name beside how it is reached"
        yield Field(kind="company", value=name, start=start, end=start + len(name), confidence=sure, reason=reason)


def _name(words: str) -> str:
    """What stands at the head of a line up to its legal form, or to what parts it from an address."""
    part = _PARTS.split(words, maxsplit=1)[0]
    return (name_with_form(part) or _LIST.split(part, maxsplit=1)[0]).strip(" ,")


def _payees(text: str) -> Iterator[Field]:
    for match in _PAYEE.finditer(text):
        name = _name(match[1])
        if is_name(name) and not _BANK.search(name):
            start = match.start(1)
            yield Field(
                kind="company",
                value=name,
                start=start,
                end=start + len(name),
                confidence=0.6,
                reason="who is to be paid",
            )
