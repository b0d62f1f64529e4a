"""Electronic invoices in both syntaxes of EN 16931, and PDFs that embed one; written by code."""

from __future__ import annotations

from collections.abc import Iterable

from document_samples import Placed, pdf, pdf_of

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CII = "urn:un:unece:uncefact:data:standard:"
SELLER_VAT, BUYER_VAT, IBAN = "DE136695976", "PL8567346215", "DE89370400440532013000"

#: (name, quantity, price, rate, amount) of each line.
_LINES = (("Desk, oak", "2", "400", "19.00", "800"), ("Handbook", "10", "20.00", "7.00", "200.00"))
#: (base, tax, percent) of each rate.
_RATES = (("720.00", "136.80", "19.00"), ("200.00", "14.00", "7"))
#: (is a charge, why, amount).
_CHANGES = (("false", "Loyal", "100"), ("true", "Freight", "20.00"))
#: What every sample says, by the fields of the schema invoice.
VALUES = {
    "company": "Nordlicht Büromöbel GmbH", "address": "Hafenstr. 7, Haus B, 20457 Hamburg, DE",
    "number": "RE 2026/17", "date": "2026-01-31", "due_date": "2026-02-14", "total": "1000.00 EUR",
    "tax": "150.80 EUR", "net": "920.00 EUR", "customer": "Biblioteka Zielona Sp. z o.o.", "iban": IBAN,
    "vat_id": SELLER_VAT, "email": "rechnung@nordlicht.example", "phone": "+49 40 123456",
}  # fmt: skip


def _tag(name: str, *inside: str, **attributes: str) -> str:
    """An element; the parts of a path `a/b` are within each other."""
    outer, _, inner = name.partition("/")
    said = "".join(f' {key}="{value}"' for key, value in attributes.items())
    if inner:
        return f"<{outer}>{_tag(inner, *inside, **attributes)}</{outer}>"
    return f"<{outer}{said}>{''.join(inside)}</{outer}>"


def _money(name: str, amount: str) -> str:
    return _tag(name, amount, currencyID="EUR")


def ubl(prefix: str = "cbc", *, credit: bool = False, extra: str = "") -> bytes:
    """An invoice with two rates, a discount, a charge, and a part that is paid already."""
    kind = "CreditNote" if credit else "Invoice"
    spaces = {"xmlns:q": f"{_UBL}{kind}-2", "xmlns:cac": f"{_UBL}CommonAggregateComponents-2",
              "xmlns:cbc": f"{_UBL}CommonBasicComponents-2"}  # fmt: skip
    due = _tag("cbc:PaymentDueDate" if credit else "cbc:DueDate", "2026-02-14")
    made = '<?xml version="1.0" encoding="UTF-8"?>' + _tag(
        f"q:{kind}",
        _tag("cbc:ID", VALUES["number"]), _tag("cbc:IssueDate", "2026-01-31"), "" if credit else due,
        _tag(f"cbc:{kind}TypeCode", "381" if credit else "380"),
        _tag("cbc:Note", "Thank you\nAmount due: 9999.00 EUR"), _tag("cbc:DocumentCurrencyCode", "EUR"), extra,
        _ubl_parties(), _tag("cac:PaymentMeans", due if credit else "", _tag("cac:PayeeFinancialAccount/cbc:ID", IBAN)),
        *(_tag("cac:AllowanceCharge", _tag("cbc:ChargeIndicator", is_charge), _tag("cbc:AllowanceChargeReason", why),
               _money("cbc:Amount", amount)) for is_charge, why, amount in _CHANGES),
        _ubl_totals(), *_ubl_lines(kind), **spaces,
    )  # fmt: skip
    return made.replace("cbc:", f"{prefix}:").replace("xmlns:cbc", f"xmlns:{prefix}").encode()


def _ubl_parties() -> str:
    contact = _tag("cac:Contact", _tag("cbc:Name", "Jo Lind"), _tag("cbc:Telephone", VALUES["phone"]),
                   _tag("cbc:ElectronicMail", VALUES["email"]))  # fmt: skip
    more = _tag("cbc:AdditionalStreetName", "Haus B")
    return "".join(
        _tag(
            f"cac:{role}/cac:Party",
            _tag("cac:PostalAddress", *(_tag(f"cbc:{key}", value) for key, value in place.items()),
                 more if role.startswith("AccountingSupplier") else "",
                 _tag("cac:Country/cbc:IdentificationCode", country)),
            _tag("cac:PartyTaxScheme", _tag("cbc:CompanyID", vat), _tag("cac:TaxScheme/cbc:ID", "VAT")),
            _tag("cac:PartyLegalEntity/cbc:RegistrationName", name),
            contact if role.startswith("AccountingSupplier") else "",
        )
        for role, name, vat, country, place in (
            ("AccountingSupplierParty", VALUES["company"], SELLER_VAT, "DE",
             {"StreetName": "Hafenstr. 7", "CityName": "Hamburg", "PostalZone": "20457"}),
            ("AccountingCustomerParty", VALUES["customer"], BUYER_VAT, "PL",
             {"StreetName": "ul. Prosta 5", "CityName": "Warszawa", "PostalZone": "00-950"}),
        )
    )  # fmt: skip


def _ubl_totals() -> str:
    rates = (
        _tag("cac:TaxSubtotal", _money("cbc:TaxableAmount", base), _money("cbc:TaxAmount", tax),
             _tag("cac:TaxCategory/cbc:Percent", percent))
        for base, tax, percent in _RATES
    )  # fmt: skip
    totals = {"LineExtensionAmount": "1000", "TaxExclusiveAmount": "920.00", "TaxInclusiveAmount": "1070.80",
              "AllowanceTotalAmount": "100.00", "ChargeTotalAmount": "20.00", "PrepaidAmount": "70.80",
              "PayableAmount": "1000.00"}  # fmt: skip
    return _tag("cac:TaxTotal", _money("cbc:TaxAmount", "150.80"), *rates) + _tag(
        "cac:LegalMonetaryTotal", *(_money(f"cbc:{name}", amount) for name, amount in totals.items())
    )


def _ubl_lines(kind: str) -> Iterable[str]:
    counted = "cbc:CreditedQuantity" if kind == "CreditNote" else "cbc:InvoicedQuantity"
    for number, (name, count, price, rate, amount) in enumerate(_LINES, 1):
        yield _tag(
            f"cac:{kind}Line", _tag("cbc:ID", str(number)), _tag(counted, count, unitCode="C62"),
            _money("cbc:LineExtensionAmount", amount),
            _tag("cac:Item", _tag("cbc:Name", name), _tag("cac:ClassifiedTaxCategory/cbc:Percent", rate)),
            _tag("cac:Price", _money("cbc:PriceAmount", price)),
        )  # fmt: skip


def cii(code: str = "380", iban: str = IBAN) -> bytes:
    """The same as `ubl`, as Factur-X and ZUGFeRD have it."""
    spaces = {"xmlns:rsm": f"{_CII}CrossIndustryInvoice:100", "xmlns:udt": f"{_CII}UnqualifiedDataType:100",
              "xmlns:ram": f"{_CII}ReusableAggregateBusinessInformationEntity:100"}  # fmt: skip
    return _tag(
        "rsm:CrossIndustryInvoice",
        _tag("rsm:ExchangedDocument", _tag("ram:ID", VALUES["number"]), _tag("ram:TypeCode", code),
             _day("ram:IssueDateTime", "20260131")),
        _tag("rsm:SupplyChainTradeTransaction", *_cii_lines(), _cii_parties(), _cii_settlement(iban)), **spaces,
    ).encode()  # fmt: skip


def _day(name: str, date: str) -> str:
    return _tag(f"{name}/udt:DateTimeString", date, format="102")


def _cii_lines() -> Iterable[str]:
    settled = "ram:SpecifiedLineTradeSettlement"
    for number, (name, count, price, rate, amount) in enumerate(_LINES, 1):
        yield _tag(
            "ram:IncludedSupplyChainTradeLineItem",
            _tag("ram:AssociatedDocumentLineDocument/ram:LineID", str(number)),
            _tag("ram:SpecifiedTradeProduct/ram:Name", name),
            _tag("ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:ChargeAmount", price),
            _tag("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity", count, unitCode="C62"),
            _tag(settled, _tag("ram:ApplicableTradeTax/ram:RateApplicablePercent", rate),
                 _tag("ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount", amount)),
        )  # fmt: skip


def _cii_parties() -> str:
    contact = _tag("ram:DefinedTradeContact", _tag("ram:PersonName", "Jo Lind"),
                   _tag("ram:TelephoneUniversalCommunication/ram:CompleteNumber", VALUES["phone"]),
                   _tag("ram:EmailURIUniversalCommunication/ram:URIID", VALUES["email"]))  # fmt: skip
    streets = _tag("ram:LineOne", "Hafenstr. 7") + _tag("ram:LineTwo", "Haus B")
    address = _tag("ram:PostalTradeAddress", _tag("ram:PostcodeCode", "20457"), streets,
                   _tag("ram:CityName", "Hamburg"), _tag("ram:CountryID", "DE"))  # fmt: skip
    vat = "ram:SpecifiedTaxRegistration/ram:ID"
    return _tag(
        "ram:ApplicableHeaderTradeAgreement",
        _tag("ram:SellerTradeParty", _tag("ram:Name", VALUES["company"]), contact, address,
             _tag(vat, SELLER_VAT, schemeID="VA")),
        _tag("ram:BuyerTradeParty", _tag("ram:Name", VALUES["customer"]), _tag(vat, BUYER_VAT, schemeID="VA")),
    )  # fmt: skip


def _cii_settlement(iban: str) -> str:
    totals = (("LineTotalAmount", "1000.00"), ("ChargeTotalAmount", "20"), ("AllowanceTotalAmount", "100"),
              ("TaxBasisTotalAmount", "920.00"), ("GrandTotalAmount", "1070.80"), ("TotalPrepaidAmount", "70.80"),
              ("DuePayableAmount", "1000.00"))  # fmt: skip
    paid = "ram:SpecifiedTradeSettlementPaymentMeans/ram:PayeePartyCreditorFinancialAccount/ram:IBANID"
    return _tag(
        "ram:ApplicableHeaderTradeSettlement", _tag("ram:InvoiceCurrencyCode", "EUR"), _tag(paid, iban),
        *(_tag("ram:ApplicableTradeTax", _tag("ram:CalculatedAmount", tax), _tag("ram:BasisAmount", base),
               _tag("ram:RateApplicablePercent", percent)) for base, tax, percent in _RATES),
        *(_tag("ram:SpecifiedTradeAllowanceCharge", _tag("ram:ChargeIndicator/udt:Indicator", is_charge),
               _tag("ram:ActualAmount", amount), _tag("ram:Reason", why)) for is_charge, why, amount in _CHANGES),
        _tag("ram:SpecifiedTradePaymentTerms", _day("ram:DueDateDateTime", "20260214")),
        _tag("ram:SpecifiedTradeSettlementHeaderMonetarySummation",
             _tag("ram:TaxTotalAmount", "650.10", currencyID="PLN"), _money("ram:TaxTotalAmount", "150.80"),
             *(_tag(f"ram:{name}", amount) for name, amount in totals)),
    )  # fmt: skip


def page_of_invoice(total: str = "1,000.00 EUR", iban: str = "DE89 3704 0044 0532 0130 00") -> list[Placed]:
    """What the paper of the samples says."""
    lines = (
        "Nordlicht Büromöbel GmbH", "Hafenstr. 7", "20457 Hamburg", "", "Invoice number: RE 2026/17",
        "Invoice date: 31.01.2026", "Due date: 14.02.2026", "", "Total net: 920.00 EUR", "VAT: 150.80 EUR",
        "Total gross: 1,070.80 EUR", "Already paid: 70.80 EUR", f"Amount due: {total}", f"IBAN {iban}",
    )  # fmt: skip
    return [(50, 800 - 18 * row, line) for row, line in enumerate(lines) if line]


def embedding(page: Iterable[Placed], xml: bytes, name: str = "factur-x.xml") -> bytes:
    """A PDF with a page and a file."""
    bodies = [each.partition(b" obj\n")[2].rstrip(b"\n") for each in pdf([page]).split(b"endobj\n")[:-1]]
    count, called = len(bodies), name.encode()
    names = b" /Names << /EmbeddedFiles << /Names [(%s) %d 0 R] >> >> >>" % (called, count + 1)
    return pdf_of([
        bodies[0].removesuffix(b" >>") + names, *bodies[1:],
        b"<< /Type /Filespec /F (%s) /UF (%s) /EF << /F %d 0 R >> >>" % (called, called, count + 2),
        b"<< /Type /EmbeddedFile /Length %d /Params << /Size %d >> >>\nstream\n%s\nendstream"
        % (len(xml), len(xml), xml),
    ])  # fmt: skip
