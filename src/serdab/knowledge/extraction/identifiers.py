"""Numbers that carry their own proof: IBAN, VAT and card numbers by their check digits, phones by their plan."""

from __future__ import annotations

import re
from collections.abc import Iterator

from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.names import words_of

#: How the reason of a value ends whose digits do not prove it.
WRONG_DIGITS = "check digits are wrong"
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])")
#: Characters of the shortest IBAN, that of Norway.
_LEAST_IBAN = 15
_VAT = re.compile(r"(?<![A-Z0-9])(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|"
    r"GB|CHE)"
                  r"[ -]?[A-Z0-9](?:[ .]?[A-Z0-9]){7,11}(?: ?(?:MWST|TVA|IVA))?(?![A-Z0-9])")  # fmt: skip
#: What a number right behind it is called, and how far behind, characters.
_CALLED_VAT = re.compile(
    r"(?:\bvat|ust-?id\w{0,4}|umsatzsteuer-?id\w{0,4}|\btva|p\.? ?iva|partita iva|\bbtw|\bmoms|"
    r"\bn[ií]f)\b[^\d\n]{0,20}$",
    re.I,
)
_BEFORE_NUMBER = 40
_GULF_VAT = re.compile(r"(?<!\d)(?:3\d{13}3|100\d{12})(?!\d)")
_CALLED_GULF_VAT = re.compile(r"(?:\b(?:vat|tax|trn)\b|ضريب)[^\d\n]{0,30}$", re.I)
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_CALLED_CARD = re.compile(r"(?:card|karte|carte|tarjeta|carta|visa|mastercard|amex|بطاقة|卡号)\b[^\d\n]{0,20}$", re.I)
_PHONE = re.compile(r"(?<![\w/+.-])(?:\+|00|\()?\d(?:[ ()./-]{0,2}\d){6,15}(?![\w/-])")
#: Behind a word for it a number is that of a fax, which is told where there is no other.
_FAX = re.compile(r"\bfax\b[^\d\n]{0,6}$", re.I)
#: Behind words for a number of another kind stands none of a telephone, though its digits be in the plan of a country.
_OTHER_NUMBER = re.compile(
    r"(?:steuer|\bst\.-?nr|\bust|\bvat\b|\btax\b|rechnung|gutschrift|invoice|facture|factuur|faktura|auftrag|\border\b|"
    r"bestell|kunden|customer|konto|account|\biban|\bbic|\bhr[ab]\b|siret|siren|\brcs|\bkvk|\bnip\b|\bcif\b|\bnif\b)"
    r"[\w-]{0,8}(?:(?<=rcs)[^\d\n]{0,24}|[^\w\n]{0,3})(?:(?:no|nr|n°|nummer|number|id)\b[^\w\n]{0,4})?$",
    re.I,
)
_NOT_PHONE = re.compile(r"^\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|^\d{4}-\d{2}")
#: Country codes of telephone by the words of a text, the surest first.
_REGIONS = (
    (r"\bU\.?S\.?A\b|United States|\b[A-Z]{2} \d{5}\b", "US"),
    (r"Schweiz|Suisse|Svizzera|Switzerland|\bCHE-\d|Zürich|Genève", "CH"),
    (r"Österreich|Austria|\bATU\d|\bWien\b", "AT"),
    (r"México|S\.A\. de C\.V\.", "MX"), (r"Brasil|CNPJ|São Paulo", "BR"), (r"\bAustralia|\bABN\b", "AU"),
    (r"Deutschland|Germany|\bGmbH\b|straße", "DE"),
    (r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|United Kingdom|\bU\.?K\b|England|London", "GB"),
    (r"\bFrance\b|Paris\b", "FR"), (r"España|Spain|Madrid", "ES"),
    (r"Malaysia|SDN\.? BHD|Kuala Lumpur", "MY"),
    (r"Saudi|السعودية|الرياض", "SA"), (r"Emirates|الإمارات|دبي|Dubai", "AE"),
    (r"مصر|القاهرة|Egypt", "EG"), (r"中国|北京|上海|有限公司", "CN"),
    (r"\bIndia\b|Mumbai|Delhi", "IN"),
)  # fmt: skip
_REGION_OF_LANG = {
    "de": "DE",
    "fr": "FR",
    "es": "ES",
    "zh": "CN",
    "ar": "SA",
    "it": "IT",
    "nl": "NL",
    "ja": "JP",
    "pl": "PL",
    "pt": "PT",
    "sv": "SE",
    "da": "DK",
    "nb": "NO",
    "no": "NO",
    "fi": "FI",
    "cs": "CZ",
    "tr": "TR",
    "ru": "RU",
    "ko": "KR",
    "en": "US",
}


def find_ibans(text: str) -> Iterator[Field]:
    """Every IBAN in its form; one with a wrong check digit or length is told with little confidence."""
    from stdnum import iban

    for match in _IBAN.finditer(plain_digits(text)):
        value = match[0].replace(" ", "")
        for length in range(len(value), 14, -1):  # words behind it may look like its end
            # By ISO 13616 check digits are 02 to 98; 00, 01 and 99 would leave the same remainders.
            if value[2:4] not in {"00", "01", "99"} and iban.is_valid(value[:length]):
                yield _field("iban", match, value[:length], 0.99, "its check digits are right")
                break
        else:
            if value[:2] in _IBAN_COUNTRIES and len(value) >= _LEAST_IBAN:
                yield _field("iban", match, value, 0.3, f"its {WRONG_DIGITS}")


_IBAN_COUNTRIES = words_of(
    """AD AE AL AT AZ BA BE BG BH BR BY CH CR CY CZ DE DK DO EE EG ES FI FO FR GB GE GI GL GR GT HR HU IE IL IQ IS IT
    JO KW KZ LB LC LI LT LU LV LY MC MD ME MK MR MT MU NL NO PK PL PS PT QA RO RS SA SC SE SI SK SM ST SV TL TN TR
    UA VA VG XK"""
)


def find_vat_numbers(text: str) -> Iterator[Field]:
    """Every VAT number of the European Union, Britain and Switzerland whose check digits are right, and of the Gulf.

    One that is called a VAT number and has wrong ones is told with little confidence.
    """
    from stdnum.ch import vat as swiss
    from stdnum.eu import vat
    from stdnum.gb import vat as british

    yield from _of_gulf(text)
    plans = {"GB": british, "CH": swiss}
    for match in _VAT.finditer(text):
        value = re.sub(r"[ .-]", "", match[0])
        if not any(char.isdigit() for char in value[2:6]):
            continue
        whole = next((part for part in _shorter(value, match[0]) if plans.get(part[:2], vat).is_valid(part)), "")
        if whole:
            yield _field("vat", match, whole, 0.97, "its check digits are right")
        elif _CALLED_VAT.search(text, max(match.start() - _BEFORE_NUMBER, 0), match.start()):
            yield _field("vat", match, value, 0.3, f"its {WRONG_DIGITS}")


def _of_gulf(text: str) -> Iterator[Field]:
    """The numbers of 15 digits that Saudi Arabia (3 … 3) and the Emirates (100 …) give, where they are called so."""
    for match in _GULF_VAT.finditer(plain_digits(text)):
        if _CALLED_GULF_VAT.search(text, max(match.start() - _BEFORE_NUMBER, 0), match.start()):
            yield _field("vat", match, match[0], 0.85, "15 digits that are called a VAT number")


def _shorter(value: str, written: str) -> Iterator[str]:
    """The number as it is written, then without a word behind it that a space parts from it."""
    yield value
    head, _, last = written.rpartition(" ")
    if head and last:
        yield re.sub(r"[ .-]", "", head)


def find_cards(text: str) -> Iterator[Field]:
    """Every number of a payment card that passes Luhn's check; only the last four digits are told.

    One that is called the number of a card and does not pass it is told with little confidence.
    """
    from stdnum import luhn

    for match in _CARD.finditer(plain_digits(text)):
        value = re.sub(r"\D", "", match[0])
        if value[0] not in "3456" or len(set(value)) == 1:
            continue
        if luhn.is_valid(value):
            yield _field("card", match, f"**** {value[-4:]}", 0.9, "Luhn's check digit is right")
        elif _CALLED_CARD.search(text, max(match.start() - _BEFORE_NUMBER, 0), match.start()):
            yield _field("card", match, f"**** {value[-4:]}", 0.3, f"its {WRONG_DIGITS}")


def find_phones(text: str, lang: str = "") -> Iterator[Field]:
    """Every number that the plan of its country has; without a country code by the places that the text names."""
    import phonenumbers

    region = _region(text, lang)
    for match in _PHONE.finditer(plain_digits(text)):
        before = text[max(match.start() - _BEFORE_NUMBER, 0) : match.start()]
        if _NOT_PHONE.match(match[0]) or _OTHER_NUMBER.search(before):
            continue
        written = "+" + match[0][2:] if match[0].startswith("00") else match[0]
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            sure = 0.95 if written.startswith("+") else 0.75
            sure -= 0.2 if _FAX.search(text, max(match.start() - 12, 0), match.start()) else 0.0
            yield _field(
                "phone",
                match,
                value,
                sure,
                "a number of its country" if written.startswith("+") else f"a number of the plan of {region}",
            )


def _region(text: str, lang: str) -> str:
    sample = text[:20_000]
    return next((region for words, region in _REGIONS if re.search(words, sample)), _REGION_OF_LANG.get(lang, "US"))


def _field(kind: str, match: re.Match[str], value: str, confidence: float, reason: str) -> Field:
    return Field(kind=kind, value=value, start=match.start(), end=match.end(), confidence=confidence, reason=reason)
