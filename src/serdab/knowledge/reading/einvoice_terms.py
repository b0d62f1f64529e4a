"""Where the two syntaxes of EN 16931 keep each term of an invoice: UBL 2.1, and UN/CEFACT Cross Industry Invoice (CII).

Paths have the local names of elements, from the root, a party or a line; `|` parts places of which the first counts.
"""

from __future__ import annotations

from collections.abc import Mapping

UBL: Mapping[str, str] = {
    "number": "ID", "date": "IssueDate", "type": "InvoiceTypeCode|CreditNoteTypeCode",
    "currency": "DocumentCurrencyCode", "due_date": "DueDate|PaymentMeans/PaymentDueDate",
    "delivered": "Delivery/ActualDeliveryDate", "begins": "InvoicePeriod/StartDate", "ends": "InvoicePeriod/EndDate",
    "reference": "BuyerReference", "order": "OrderReference/ID", "contract": "ContractDocumentReference/ID",
    "preceding": "BillingReference/InvoiceDocumentReference/ID", "notes": "Note", "terms": "PaymentTerms/Note",
    "seller": "AccountingSupplierParty/Party", "buyer": "AccountingCustomerParty/Party", "payee": "PayeeParty",
    "purpose": "PaymentMeans/PaymentID", "account": "PaymentMeans/PayeeFinancialAccount/ID",
    "bank": "PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID",
    "attachments": "AdditionalDocumentReference/Attachment/EmbeddedDocumentBinaryObject",
    # Totals.
    "sum": "LegalMonetaryTotal/LineExtensionAmount", "net": "LegalMonetaryTotal/TaxExclusiveAmount",
    "tax": "TaxTotal/TaxAmount", "gross": "LegalMonetaryTotal/TaxInclusiveAmount",
    "prepaid": "LegalMonetaryTotal/PrepaidAmount", "rounding": "LegalMonetaryTotal/PayableRoundingAmount",
    "due": "LegalMonetaryTotal/PayableAmount",
    # Allowances and charges, and the tax of each rate.
    "changes": "AllowanceCharge", "is_charge": "ChargeIndicator", "change": "Amount",
    "reason": "AllowanceChargeReason",
    "rates": "TaxTotal/TaxSubtotal", "base": "TaxableAmount", "rate": "TaxCategory/Percent",
    "rate_tax": "TaxAmount", "exemption": "TaxCategory/TaxExemptionReason",
    # Of a party.
    "name": "PartyLegalEntity/RegistrationName|PartyName/Name", "person": "Contact/Name",
    "phone": "Contact/Telephone", "email": "Contact/ElectronicMail", "address": "PostalAddress",
    "register": "PartyLegalEntity/CompanyID", "tax_ids": "PartyTaxScheme",
    "tax_id": "CompanyID", "tax_scheme": "TaxScheme/ID",
    # Of an address.
    "streets": "StreetName|AdditionalStreetName|AddressLine/Line", "postcode": "PostalZone", "city": "CityName",
    "country": "Country/IdentificationCode",
    # Of a line.
    "lines": "InvoiceLine|CreditNoteLine", "item": "Item/Name|Item/Description",
    "quantity": "InvoicedQuantity|CreditedQuantity", "price": "Price/PriceAmount",
    "percent": "Item/ClassifiedTaxCategory/Percent", "amount": "LineExtensionAmount",
}  # fmt: skip

_TRADE = "SupplyChainTradeTransaction/"
_AGREED, _SETTLED = f"{_TRADE}ApplicableHeaderTradeAgreement/", f"{_TRADE}ApplicableHeaderTradeSettlement/"
_PERIOD, _PAID = f"{_SETTLED}BillingSpecifiedPeriod/", f"{_SETTLED}SpecifiedTradeSettlementPaymentMeans/"
_TOTALS = f"{_SETTLED}SpecifiedTradeSettlementHeaderMonetarySummation/"

CII: Mapping[str, str] = {
    "number": "ExchangedDocument/ID", "date": "ExchangedDocument/IssueDateTime/DateTimeString",
    "type": "ExchangedDocument/TypeCode", "currency": f"{_SETTLED}InvoiceCurrencyCode",
    "due_date": f"{_SETTLED}SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString",
    "delivered": f"{_TRADE}ApplicableHeaderTradeDelivery/ActualDeliverySupplyChainEvent/OccurrenceDateTime/"
                 "DateTimeString",
    "begins": f"{_PERIOD}StartDateTime/DateTimeString", "ends": f"{_PERIOD}EndDateTime/DateTimeString",
    "reference": f"{_AGREED}BuyerReference", "order": f"{_AGREED}BuyerOrderReferencedDocument/IssuerAssignedID",
    "contract": f"{_AGREED}ContractReferencedDocument/IssuerAssignedID",
    "preceding": f"{_SETTLED}InvoiceReferencedDocument/IssuerAssignedID",
    "notes": "ExchangedDocument/IncludedNote/Content", "terms": f"{_SETTLED}SpecifiedTradePaymentTerms/Description",
    "seller": f"{_AGREED}SellerTradeParty", "buyer": f"{_AGREED}BuyerTradeParty", "payee": f"{_SETTLED}PayeeTradeParty",
    "purpose": f"{_SETTLED}PaymentReference",
    "account": f"{_PAID}PayeePartyCreditorFinancialAccount/IBANID|"
               f"{_PAID}PayeePartyCreditorFinancialAccount/ProprietaryID",
    "bank": f"{_PAID}PayeeSpecifiedCreditorFinancialInstitution/BICID",
    "attachments": f"{_AGREED}AdditionalReferencedDocument/AttachmentBinaryObject",
    "sum": f"{_TOTALS}LineTotalAmount", "net": f"{_TOTALS}TaxBasisTotalAmount", "tax": f"{_TOTALS}TaxTotalAmount",
    "gross": f"{_TOTALS}GrandTotalAmount", "prepaid": f"{_TOTALS}TotalPrepaidAmount",
    "rounding": f"{_TOTALS}RoundingAmount", "due": f"{_TOTALS}DuePayableAmount",
    "changes": f"{_SETTLED}SpecifiedTradeAllowanceCharge", "is_charge": "ChargeIndicator/Indicator",
    "change": "ActualAmount", "reason": "Reason",
    "rates": f"{_SETTLED}ApplicableTradeTax", "base": "BasisAmount", "rate": "RateApplicablePercent",
    "rate_tax": "CalculatedAmount", "exemption": "ExemptionReason",
    "name": "Name", "person": "DefinedTradeContact/PersonName",
    "phone": "DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber",
    "email": "DefinedTradeContact/EmailURIUniversalCommunication/URIID", "address": "PostalTradeAddress",
    "register": "SpecifiedLegalOrganization/ID", "tax_ids": "SpecifiedTaxRegistration",
    "tax_id": "ID", "tax_scheme": "",
    "streets": "LineOne|LineTwo|LineThree", "postcode": "PostcodeCode", "city": "CityName", "country": "CountryID",
    "lines": f"{_TRADE}IncludedSupplyChainTradeLineItem",
    "item": "SpecifiedTradeProduct/Name|SpecifiedTradeProduct/Description",
    "quantity": "SpecifiedLineTradeDelivery/BilledQuantity",
    "price": "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount",
    "percent": "SpecifiedLineTradeSettlement/ApplicableTradeTax/RateApplicablePercent",
    "amount": "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
}  # fmt: skip
