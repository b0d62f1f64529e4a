"""Electronic invoices of EN 16931 (XRechnung, Peppol, Factur-X, ZUGFeRD): one line a term, `Label: value`, and a table.

Whatever its writer wrote freely stands behind a label and never has a line of its own, so a label at the head of a line
is always ours: that is how `LABELS` finds the values again, exactly, with their places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from serdab.core import expected
from serdab.knowledge.reading.einvoice_terms import CII, UBL
from serdab.knowledge.reading.packages import parse_xml
from serdab.knowledge.reading.refusals import MalformedDocument, TooLargeDocument, UnsupportedDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

#: Field of the schema invoice → the labels of its value here; of several the first whose value is not nothing.
LABELS: Mapping[str, tuple[str, ...]] = {
    "company": ("Seller",), "address": ("Seller address",), "number": ("Invoice number",), "date": ("Invoice date",),
    "due_date": ("Due date",), "total": ("Amount due", "Total gross"), "tax": ("VAT total",),
    "net": ("Total net",), "customer": ("Buyer",), "iban": ("IBAN",), "vat_id": ("Seller VAT id",),
    "email": ("Seller e-mail",), "phone": ("Seller phone",),
}  # fmt: skip
#: Largest invoice without what is attached to it, bytes; characters of a value, and of what a line is for.
MOST_BYTES = 20_000_000
MOST_VALUE = 2_000
MOST_ITEM = 200
#: Lines that stand before the totals, as many as records have rows; the others stand at the end, up to so many.
MOST_LINES, MOST_TOLD = 500, 20_000
#: How far into a file its root is looked for, bytes.
_HEAD = 65_536
_ROOTS = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": UBL,
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": UBL,
    "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice": CII,
}
#: Codes of UNTDID 1001 for what takes money back.
_CREDITS = frozenset(["81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"])
#: Files within, which are not read: left out before the parser, which takes no text as long, sees them.
_ATTACHED = re.compile(rb"(<(?:[\w.-]{1,40}:)?(?:EmbeddedDocument|Attachment)BinaryObject[^<>]{0,500}>)[\w+/=\s]+")
_DECIMAL = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,10})?")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,38}")


def root_of(data: bytes) -> str:
    """The name of the root of some XML, `{namespace}name`; empty: it does not begin as XML."""
    from lxml import etree

    data = data[:_HEAD].lstrip()
    parser = etree.XMLPullParser(("start",), resolve_entities=False, no_network=True, load_dtd=False)
    with suppress(etree.XMLSyntaxError):  # What came before a fault counts.
        parser.feed(data)
    return next((str(node.tag) for _, node in parser.read_events()), "")


def is_einvoice(data: bytes) -> bool:
    """Whether some bytes begin as an electronic invoice does."""
    return b"<" in data[:_HEAD].lstrip()[:8] and root_of(data) in _ROOTS


def read_einvoice(data: bytes) -> tuple[str, str]:
    """The terms of an invoice as lines, and its title.

    Raises:
        MalformedDocument: it is not well-formed, nested too deeply, or declares entities.
        TooLargeDocument: it has more than `MOST_BYTES`.
        UnsupportedDocument: it is other XML.
    """
    data = _ATTACHED.sub(rb"\1", data.lstrip())
    if len(data) > MOST_BYTES:
        raise TooLargeDocument(expected("the electronic invoice", f"at most {MOST_BYTES:,} bytes", f"{len(data):,}"))
    root = parse_xml(data, "the electronic invoice")
    terms = _ROOTS.get(str(root.tag))
    if terms is None:
        known = "an electronic invoice (UBL or CII)"
        raise UnsupportedDocument(expected("the XML", known, f"one that begins with {str(root.tag)[:200]}"))
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedDocument(expected("the electronic invoice", "without a document type", "one that declares it"))
    invoice = _Invoice(root, terms)
    return "\n".join(invoice.lines()), invoice.title


class _Invoice:
    """One invoice, told term after term."""

    def __init__(self, root: _Element, terms: Mapping[str, str]) -> None:
        self._root = root
        self._terms = terms
        self._currency = self._text(root, "currency")[:3]
        is_credit = self._text(root, "type") in _CREDITS or str(root.tag).endswith("}CreditNote")
        self._kind = "Credit note" if is_credit else "Invoice"
        self.title = f"{self._kind} {self._text(root, 'number')}".strip()[:120]

    def lines(self) -> Iterator[str]:
        """The text, line after line."""
        yield self._kind
        yield from self._party("Seller", "seller")
        yield ""
        for label, term in (("Invoice number", "number"), ("Preceding invoice", "preceding"), ("Order", "order"),
                            ("Contract", "contract"), ("Buyer reference", "reference")):  # fmt: skip
            yield from _told(label, self._text(self._root, term))
        for label, term in (("Invoice date", "date"), ("Due date", "due_date"), ("Delivered on", "delivered"),
                            ("Period from", "begins"), ("Period to", "ends")):  # fmt: skip
            yield from _told(label, _date(self._text(self._root, term)))
        yield ""
        yield from self._party("Buyer", "buyer")
        yield ""
        yield from self._table(0, MOST_LINES)
        yield ""
        yield from self._totals()
        yield ""
        yield from self._payment()
        for note in self._all(self._root, "notes"):
            yield from _told("Note", _written(note))
        for node in self._all(self._root, "attachments"):
            yield from _told("Attached, not read", _attribute(node, "filename") or "a file")
        yield ""
        yield from self._table(MOST_LINES, MOST_TOLD)
        if more := len(self._all(self._root, "lines")[MOST_TOLD:]):
            yield f"{more:,} more lines were not read."

    def _party(self, role: str, term: str) -> Iterator[str]:
        party = self._first(self._root, term)
        if party is None:
            return
        yield from _told(role, self._text(party, "name"))
        address = self._first(party, "address")
        if address is not None:
            place = f"{self._text(address, 'postcode')} {self._text(address, 'city')}".strip()
            streets = map(_written, self._all(address, "streets"))
            yield from _told(
                f"{role} address", ", ".join(filter(None, (*streets, place, self._text(address, "country"))))
            )
        for node in self._all(party, "tax_ids"):
            yield from _told(f"{role} {self._name_of_tax(node)}", self._text(node, "tax_id"))
        details = {"register number": "register", "contact": "person", "phone": "phone", "e-mail": "email"}
        for label, detail in details.items():
            yield from _told(f"{role} {label}", self._text(party, detail))

    def _name_of_tax(self, node: _Element) -> str:
        number = self._first(node, "tax_id")
        scheme = self._text(node, "tax_scheme") or _attribute(number, "schemeID")
        return "VAT id" if scheme in ("VAT", "VA") else "tax number"

    def _table(self, first: int, last: int) -> Iterator[str]:
        lines = self._all(self._root, "lines")[first:last]
        if lines:
            yield "Line\tDescription\tQuantity\tUnit\tUnit price\tVAT %\tAmount"
        for place, node in enumerate(lines, first + 1):
            quantity, rate = self._first(node, "quantity"), self._text(node, "percent")
            cells = (str(place), self._text(node, "item")[:MOST_ITEM], _number(_written(quantity), 0),
                     _attribute(quantity, "unitCode")[:20], _number(self._text(node, "price")),
                     f"{_number(rate, 0)} %" if rate else "", self._amount(self._first(node, "amount")))  # fmt: skip
            yield "\t".join(cells)

    def _totals(self) -> Iterator[str]:
        yield from _told("Subtotal", self._amount(self._first(self._root, "sum")))
        for node in self._all(self._root, "changes"):
            is_charge = self._text(node, "is_charge").lower() in ("true", "1")
            reason = f" ({self._text(node, 'reason')})" if self._text(node, "reason") else ""
            amount = self._amount(self._first(node, "change"))
            yield f"Surcharge{reason}: {amount}" if is_charge else f"Discount{reason}: {_negated(amount)}"
        yield from _told("Total net", self._amount(self._first(self._root, "net")))
        yield from _told("VAT total", self._amount(self._tax()))
        yield from _told("Total gross", self._amount(self._first(self._root, "gross")))
        yield from _told("Already paid", self._amount(self._first(self._root, "prepaid")))
        yield from _told("Rounding", self._amount(self._first(self._root, "rounding")))
        yield from _told("Amount due", self._amount(self._first(self._root, "due")))
        for node in self._all(self._root, "rates"):
            rate, base, tax = self._text(node, "rate"), self._first(node, "base"), self._first(node, "rate_tax")
            why = f" ({self._text(node, 'exemption')})" if self._text(node, "exemption") else ""
            told = f"of {self._amount(base)}: {self._amount(tax)}{why}"
            yield f"VAT rate {_number(rate, 0)} % {told}" if rate else f"VAT rate none {told}"

    def _tax(self) -> _Element | None:
        """The tax in the currency of the invoice: some tell it in that of their tax office, too."""
        told = self._all(self._root, "tax")
        return next((node for node in told if node.get("currencyID") == self._currency), told[0] if told else None)

    def _payment(self) -> Iterator[str]:
        payee = self._first(self._root, "payee")
        yield from _told("Payee", self._text(payee, "name") if payee is not None else "")
        for node in self._all(self._root, "account"):
            account = _written(node)
            yield from _told("IBAN" if _IBAN.fullmatch(account) else "Account", account)
        for label, term in (("BIC", "bank"), ("Purpose", "purpose"), ("Payment terms", "terms")):
            yield from _told(label, self._text(self._root, term))

    def _amount(self, node: _Element | None) -> str:
        number = _number(_written(node))
        currency = (_attribute(node, "currencyID") or self._currency)[:3]
        return f"{number} {currency}".strip() if number else ""

    def _text(self, node: _Element, term: str) -> str:
        return _written(self._first(node, term))

    def _first(self, node: _Element, term: str) -> _Element | None:
        return next(iter(self._all(node, term)), None)

    def _all(self, node: _Element, term: str) -> list[_Element]:
        """The elements of a term; prefixes of namespaces may be any."""
        paths = self._terms[term].split("|") if self._terms[term] else []
        return [found for path in paths for found in node.iterfind("{*}" + path.replace("/", "/{*}"))]


def _told(label: str, value: str) -> Iterator[str]:
    if value:
        yield f"{label}: {value}"


def _written(node: _Element | None) -> str:
    """What stands in an element, in one line."""
    return " ".join((node.text or "").split())[:MOST_VALUE] if node is not None else ""


def _attribute(node: _Element | None, name: str) -> str:
    return " ".join((node.get(name) or "").split())[:200] if node is not None else ""


def _date(written: str) -> str:
    """A date as 2026-01-31; CII writes 20260131 (format 102), and UBL may add a zone."""
    is_102 = len(written) == 8 and written.isdecimal()
    return f"{written[:4]}-{written[4:6]}-{written[6:]}" if is_102 else written[:10]


def _number(written: str, least: int = 2) -> str:
    """A decimal with at least so many digits behind its point; what is none stays as it is."""
    if _DECIMAL.fullmatch(written) is None:
        return written[:40]
    whole, _, rest = written.lstrip("+").partition(".")
    rest = rest.rstrip("0").ljust(least, "0")
    return f"{whole}.{rest}" if rest else whole


def _negated(amount: str) -> str:
    return amount.removeprefix("-") if amount.startswith("-") else f"-{amount}"
