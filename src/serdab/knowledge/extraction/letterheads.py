"""Whose paper it is: the company at the head of a receipt or an invoice, and its address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.names import FULL_LINE, ends_with_link, joined_lines, may_be_name
from serdab.knowledge.extraction.table_heads import find_head

#: Lines of a head that are looked at.
MOST_LINES = 16
#: And characters.
_MOST_HEAD = 4_000

#: What only a business has in its name: legal forms first, words of trades after them.
_FORM = re.compile(
    r"\b(?:SDN\.? ?BHD\b\.?|S/B\b|SB\b|BHD\b\.?|PTE\.? ?LTD\b\.?|LTD\b\.?|LIMITED\b|LLC\b|L\.L\.C\b\.?|"
    r"INC\b\.?|CORP(?:ORATION)?\b\.?|GMBH\b|E\.K\.|AG\b|KG\b|OHG\b|UG\b|SARL\b|S\.A\.R\.L\.|SAS\b|"
    r"S\.L\.U?\b\.?|S\.L\.|SLU?\b|B\.V\.|LLP\b|PLC\b|S\.?P\.?A\b\.?|S\.?R\.?L\b\.?|S\.A\.(?: de C\.V\.)?|"
    r"A\.S\.|SP\. ?Z ?O\.? ?O\.?|SP\. ?[JK]\.|"
    r"GGMBH\b|GBR\b|E\.V\.|PLLC\b|EURL\b|SASU\b|KFT\b\.?|D\.O\.O\.|A/S\b|S\.?R\.O\b\.?|LTDA\b\.?|LDA\b\.?|N\.V\.|OÜ\b|APS\b|(?-i:(?:AB|OY|Oy|ASA|BV|NV|eG)\b))|"
    r"株式会社|合同会社|有限会社|有限公司|公司|شركة|مؤسسة|בע[\"״”]מ", re.I,
)  # fmt: skip
_TRADE = re.compile(
    r"\b(?:ENTERPRISES?|TRADING|TRADERS?|RESTORAN|RESTAURANT|CAFE|BISTRO|STORES?|MART|SUPERMARKET|MARKET|HARDWARE|"
    r"STATIONERY|"
    r"BOOKS?|BOOKSTORES?|PHARMACY|CLINIC|SYARIKAT|PERNIAGAAN|COMPANY|SHOP|SHOPPE|BAKERY|FLORIST|MINI ?MARKET|"
    r"KEDAI|PASAR|"
    r"HOTEL|GALLERY|CENTRE|CENTER|SERVICES?|STATION|MOTORS?|ELECTRICAL|GIFTS?|DECO|MACHINERY|TRADE|FASHION|MARKETING|"
    r"CASH & CARRY|BÄCKEREI|APOTHEKE|MARKT|GASTHAUS|BOULANGERIE|TIENDA|SALON|GARAGE)\b|متجر|مطعم|صيدلية|超市|餐厅|"
    r"商店|店", re.I,
)  # fmt: skip
#: What an address is called before it begins.
_CALLED = re.compile(
    r"(?:地址|住所|العنوان|כתובת|adresse|anschrift|address|dirección|indirizzo|adres)\s?[:：]\s?", re.I
)
_REGISTERED = re.compile(
    r"[\s,]*(?:\((?:CO\.? ?)?(?:REG\.?|NO\.?|ROC)?[\s.:]{0,4}(?:[A-Z]{0,3}\d{4,12}[\s-]{0,3}[A-Z0-9]{0,3})\)?|"
    r"\((?:CO\.?|REG|ROC)[^)\n]{0,24}\)?|\b[A-Z]{0,2}\d{5,9}\s?-\s?[A-Z]\b)(?:\s?\([A-Z]{2,4}\))?\s*$",
    re.I,
)
_ENDS = ("。", "!", "?")
_ONLY_NUMBER = re.compile(r"^[\s\W]*(?:[A-Z]{0,3}[\d\s-]{4,}[\s-]{0,2}[A-Z]{0,2}|\d{1,7})[\s\W]*$", re.I)
_STOP = re.compile(
    r"^\W{0,3}(?:tel|fax|phone|ph\b|hp\b|gst|sst|vat|tax|ust|steuer|invoice|inv\b|receipt|rechnung|quittung|date|"
    r"datum|bill|cash\b|cashier|doc|table|order|"
    r"email|e-mail|www|http|company (?:reg|no)|co\.? ?reg|co\.? ?no|reg\.? ?no|reg no|roc\b|\(gst|\(co|"
    r"simplified|shopping hours|guest|"
    r"salesperson|terminal|slip|served|original|posted|check|customer|qty|item|counter|staff|station:|rn ?:|"
    r"مكالمة|هاتف|فاتورة|ت ?[:/.]|جوال|موبايل|تليفون|فاكس|بتاريخ|"
    r"رقم|التاريخ|电话|发票|日期|ref\b|ref no|trans|outlet|licensee|website|member|business hours|operating hours|"
    r"(?:visa|mastercard|maestro|amex)\b|time\b|served|mobile|whatsapp|handphone|h/p|site ?:|no\. ?gst|"
    r"duplicate|your order|מספר|תאריך|טלפון|ח\.פ|ע\.מ\.|עוסק (?:מורשה|פטור))"
    r"|^\([^)]{0,60}\)?\W*$|^(?!no\b|lot\b|unit\b)[\w ./&-]{3,30}?\s?:\s?[\d+]|\bfax no\b|^\W*$|@|\bTEL\b ?[.:]|"
    r"^\+?[\d\s()/-]{7,}$|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}:\d{2}|\b\d{1,2}\. ?[a-zä]{3,9} (?:19|20)\d{2}",
    re.I,
)
_NOTICE = re.compile(
    r"thank|please|pls\b|goods sold|returnable|refund|welcome|your order|for feedback|complaint|redeem|exchange|"
    r"tq\b|posted|duplicate|"
    r"\bcopy\b|original|wilkommen|willkommen|merci|gracias|شكرا|谢谢|欢迎|www\.|^-{2,}|^\*{2,}|shopping with|"
    r"invoice|receipt",
    re.I,
)
_ADDRESS = re.compile(
    r"#\d[\w-]{0,6}[\s,]{1,2}\w|^[A-Z]{1,2}-\w{1,3}-\d|^\W{0,2}(?:no\.?|lot|unit|level|suite|block|blk|floor|ground|"
    r"\d+(?:st|nd|rd|"
    r"th)\b|p\.? ?o\.? ?box|po box)(?:[\s.:,]{1,3}[\w(&]|[\d(&])|"
    r"\b(?:jalan|jln|jl\.|lorong|persiaran|lebuh\w*|taman|tmn|kampung|kawasan|seksyen|bandar|street|st\.|road|rd\b|"
    r"avenue|ave\b|lane|drive|blvd|boulevard|"
    r"highway|square|plaza|mall|tower|bangunan|building|straße|strasse|str\.|platz|weg|allee|rue|place|calle|avenida|"
    r"via|"
    r"piazza|menara|wisma|kompleks|dataran|floor|flr|pt ?\d+)\b|"
    r"^\W?[A-Z]?-?\d{1,5}[A-Z]?(?:[-/&][\w-]{1,6}){0,3}\s?,\s?\w|شارع|طريق|حي |路|街|大道|\d ?号|\b\d{5}\b[\s,]+[A-Z]|"
    r"^\d{1,5}[A-Z]? [^\W\d_][\w.' ]{1,30} (?:st|dr|ln|ct|hwy|pkwy|walk|quay|wharf|row|close|"
    r"court|terrace|crescent|gardens)$|"
    r"^c/ ?\w|\bstr\. ?\d|^(?-i:ZAC|ZAE|ZA|ZI) [^\W\d_]|^(?:avda?|pza|plza|ctra|pje|pg)\. \w|"
    r"^\d{1,4}(?: ?bis| ?ter)?,? (?:quai|impasse|chemin|cours|route|passage|faubourg|bd|av\.?)\s|"
    r", ?(?-i:[A-Z]{2}) \d{5}(?:-\d{4})?$|רחוב|רח['׳]|שדרות|"
    r"[a-zß]\s\d{1,4}[a-z]?$|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\w{2,20}(?:straße|"
    r"strasse|str\.|platz|weg|allee|gasse)\s\d",
    re.I,
)
#: How a person or a firm is addressed before the name.
SALUTATION = (
    r"(?:herrn?|frau|firma|familie|an (?:die|den|das)|monsieur|madame|mme|mrs?\b\.?|ms\b\.?|señora?|gentile|egregio)"
)
#: Who a paper is for: his name is not that of whose paper it is. Alone in a line, what follows is his, too.
_RECIPIENT = re.compile(
    r"^\W{0,3}(?:(?:bill(?:ed)?|ship(?:ped)?|sold|invoice) to|customer|client|buyer|consignee|attn|attention|kunde|"
    r"(?:rechnungs|leistungs)?empfänger|à l'attention|cliente|spett|nabywca|odběratel|klant\b|kund(?:e|nr)?\b|asiakas|"
    r"laskutusosoite|faktureringsadress|exmo|inh\.|العميل|السادة|المطلوب من|购买方|客户|"
    r"לכבוד|(?:to|for|an|für|pour|aan|til)\s?:)|御中\W{0,3}$|"
    rf"^{SALUTATION}\W*$",
    re.I,
)
_TAX_NUMBER = re.compile(
    r"^(?:CHE[- ]?\d|[A-Z]{2}[A-Z]?\d{8,12}\b|(?:KvK|SIRET|RCS|NIF|CIF|NIP|RFC|CNPJ|P\.? ?IVA|GSTIN|"
    r"st\.-?nr|org\.)\b)",
    re.I,
)
_ALONE = re.compile(r"^[^:：]{2,40}[:：]$")
#: What a paper is called, which is nobody's name.
_TITLE = re.compile(
    r"^\W{0,3}(?:(?:tax|vat|commercial|proforma|pro forma|sales|rechnung /) invoice|purchase order|credit (?:memo|"
    r"note)|"
    r"debit note|delivery note|pro-?forma|(?:account |bank )?statement\b|quotation|"
    r"bestellung|mahnung|zahlungserinnerung|gutschrift|kontoauszug|lieferschein|"
    r"angebot|bon de commande|commande n|facture|avoir|relevé de compte|factura|pedido|fattura|factuur|faktura|fatura|"
    r"(?:(?:carte bancaire|ticket client|kartenzahlung|(?:kunden|händler)beleg|card payment|contactless|sans contact|"
    r"kontaktlos)\W{0,4}){1,3}$|"
    r"請求書|領収書|注文書|納品書|发票|增值税|对账单|كشف حساب|"
    r"(?:חשבונית|קבלה|הצעת מחיר|תעודת משלוח)(?!\w))",
    re.I,
)
#: A line that goes on behind a name with its address or its capital.
_NAME_ENDS = re.compile(
    rf"^(.{{1,80}}?(?:{_FORM.pattern})\)?(?: ?\([^)\n]{{1,30}}\))?)(?: ?[,·•|—–]|"
    rf" au capital).{{0,120}}\d",
    re.I,
)
#: Looked for first: few lines have it, and the other is slow.
_MAY_GO_ON = re.compile(r"(?:[,·•|—–]| au capital).{0,120}\d", re.I)
#: A label with a figure behind it: Total: EUR 120.00.
_FIGURE = re.compile(r"^[^\W\d_][^:：]{0,30}[:：]\s?\D{0,6}\d[\d.,' ]{0,20}\D{0,6}$")
_AMOUNT = re.compile(r"(?: {3}|\t)\D{0,4}\d{1,6}[.,]\d{2}\b")
#: A full line of a sentence that goes on in the next.
_SENTENCE = re.compile(rf"^.{{{FULL_LINE - 1},}}[\w&,]$")
#: Longest line that has but the legal form of a name, characters: GmbH & Co. KG.
_MOST_FORM = 20
_COLUMNS = re.compile(r"\t| {4,}")
_OWNER = re.compile(
    r"^(?:dimiliki(?: oleh)?|owned by|operated by|managed by|inhaber|supplier|vendor|seller|lieferant|verkäufer|"
    r"fournisseur|vendeur|proveedor|fornitore|laskuttaja|myyjä|dodavatel|sprzedawca|leverand[øo]r|leverantör|"
    r"fornecedor|leverancier|المورد|البائع)\s?[:：]\s?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    words: str
    #: Whether an address does not go on with it: it stands behind an empty line, or has an amount.
    is_apart: bool = False


def _head(text: str) -> list[_Line]:
    lines: list[_Line] = []
    place = 0
    is_apart = False
    for line in re.split(r"[\n\f]", text[:_MOST_HEAD]):
        # What stands in the next column is another thing, and a file of rows has no letterhead.
        if (lines or "\t" in line) and find_head(line) is not None:
            break
        words = _COLUMNS.split(line.strip())[0].strip()
        start = place + len(line) - len(line.lstrip())
        place += len(line) + 1
        if not words:
            is_apart = True
            continue
        is_apart = is_apart or _AMOUNT.search(line) is not None
        name = name_before_address(words)
        lines.append(_Line(start=start, words=name, is_apart=is_apart))
        is_apart = False
        rest = words[len(name) :]
        if rest:
            begins = len(name) + len(rest) - len(rest.lstrip(" ,·•|—–"))
            lines.append(_Line(start=start + begins, words=words[begins:]))
        if len(lines) >= MOST_LINES:
            break
    return lines


def name_before_address(line: str) -> str:
    """A name with a legal form, without the address or the capital that the line goes on with; else the line."""
    ends = _NAME_ENDS.match(line) if _MAY_GO_ON.search(line) is not None else None
    return ends[1] if ends is not None else line


def may_name_business(text: str) -> bool:
    """Whether a legal form or a trade stands where the head is looked for: quick, and without one no name is sure."""
    head = text[:_MOST_HEAD]
    return _FORM.search(head) is not None or _TRADE.search(head) is not None


def find_letterhead(text: str) -> dict[str, Field]:
    """The company and the address at the head of a paper, where they stand; keys `company` and `address`."""
    lines = _head(text)
    first = next((at for at, line in enumerate(lines) if is_address(line.words)), len(lines))
    found: dict[str, Field] = {}
    company = _company(lines, first)
    after = 0
    if company is not None:
        found["company"], after = company
        first = next((at for at in range(after, len(lines)) if is_address(lines[at].words)), len(lines))
    address = _address(lines, first)
    if address is not None:
        found["address"] = address
    return found


def address_of(lines: Sequence[tuple[int, str]]) -> Field | None:
    """The address that lines below a name begin with, each with where it stands."""
    kept = [_Line(start=start, words=words) for start, words in lines]
    return _address(kept, next((at for at, line in enumerate(kept) if is_address(line.words)), len(kept)))


def is_address(words: str) -> bool:
    """Whether words are part of an address."""
    if _FORM.search(words) and not re.search(r"\b\d{5}\b|^\W?(?:no|lot)\b", words, re.I):
        return False
    return bool(_ADDRESS.search(words)) and not _STOP.match(words)


def is_recipient(words: str) -> bool:
    """Whether a line says whom a paper is for, and not whose it is."""
    return _RECIPIENT.search(words) is not None


def has_form(words: str) -> bool:
    """Whether a legal form stands in words."""
    return _FORM.search(words) is not None


def name_with_form(words: str) -> str:
    """The name at the head of words up to its legal form: GmbH & Co. KG; empty where there is no form."""
    ends = [match.end() for match in _FORM.finditer(words)]
    return (
        words[: next((end for end in ends if not words[end : end + 2].strip(" ").startswith("&")), ends[-1])]
        if ends
        else ""
    )


def _company(lines: list[_Line], first: int) -> tuple[Field, int] | None:
    """The name before the address: the line with a legal form, else with a trade, else the first that is a name."""
    best: tuple[float, int] | None = None
    for at, line in enumerate(lines[: max(first, 1)] if first < len(lines) else lines[:6]):
        if _RECIPIENT.search(line.words):
            if _ALONE.match(line.words) or _RECIPIENT.sub("", line.words).strip(" :") == "":
                break
            continue
        is_rest = at > 0 and not line.is_apart and _SENTENCE.search(lines[at - 1].words) is not None
        if is_rest or not is_name(line.words):
            continue
        sure = 0.9 if _FORM.search(line.words) else 0.75 if _TRADE.search(line.words) and at < 3 else 0.6
        if best is None or sure > best[0] + (0.2 if sure < 0.9 and at > 1 else 0.0):
            best = sure, at
    if best is None:
        return None
    sure, at = best
    begin = end = at
    while begin and _goes_on(lines[begin - 1].words, lines[begin].words):
        begin -= 1
    if at + 1 < min(first, len(lines)) and not _FORM.search(lines[at].words) and _is_rest(lines[at].words):
        end = at + 1
    return _joined(lines[begin : end + 1], sure), end + 1


def is_name(line: str) -> bool:
    """Whether a line of the head may be whose paper it is."""
    name = _REGISTERED.sub("", line)
    letters = sum(char.isalpha() for char in name)
    if letters < 3 or letters < 0.45 * len(name) or _TITLE.match(line) or _ONLY_NUMBER.match(line):
        return False
    if _FORM.search(line) is None and (_FIGURE.match(line) or _NOTICE.search(line) or _STOP.search(line)):
        return False
    return may_be_name(name.strip(" ,;:-"))


def _goes_on(line: str, following: str) -> bool:
    """Whether a name that began in a line ends in the next: only a form is left for it, or a bracket is open."""
    if _ONLY_NUMBER.match(line) or _TITLE.match(line) or line.endswith(_ENDS):
        return False
    if any(words.search(line) for words in (_NOTICE, _STOP, _RECIPIENT)):
        return False
    match = _FORM.search(following)
    rest = following[: match.start()].strip(" .,()") if match else following
    begins_with_trade = _TRADE.match(following) is not None and _FORM.search(line) is None
    return (
        line.count("(") > line.count(")")
        or (ends_with_link(line) and line[0].isupper() and len(line) <= FULL_LINE)
        or begins_with_trade
        or (match is not None and len(re.sub(r"\W|\bCO\b|\b[MK]L?\b", "", rest)) <= 1)
    )


def _is_rest(line: str) -> bool:
    """Whether a name goes on in the next line: it ends with a link, or a bracket is open."""
    return line.rstrip().endswith(("&", "-")) or ends_with_link(line) or line.count("(") > line.count(")")


def rest_of_name(name: str, following: str) -> str:
    """What the next line adds to a name that ends with a link, or whose legal form is left for it; else empty."""
    rest = name_before_address(following)
    if not rest or not rest[0].isalpha() or is_address(rest) or _STOP.search(rest):
        return ""
    form = None if _FORM.search(name) else _FORM.match(rest)
    return rest if ends_with_link(name) or (form is not None and len(rest) <= _MOST_FORM) else ""


def _joined(lines: list[_Line], sure: float) -> Field:
    names = []
    for line in lines:
        name = _OWNER.sub("", line.words)
        form = _FORM.search(name)
        if form is not None:
            name = name[: form.end()] + _REGISTERED.sub("", re.sub(r"^\W*[A-Z]?\d{4,}.*$", "", name[form.end() :]))
        names.append(_REGISTERED.sub("", name).strip(" ,;:").removesuffix(" -"))
    last = lines[-1]
    return Field(
        kind="company", value=joined_lines("\n".join(names)).strip(" ,;:-"), start=lines[0].start,
        end=last.start + len(last.words), confidence=sure,
        reason="the name at the head" if sure < 0.9 else "the name at the head with its legal form",
    )  # fmt: skip


def _address(lines: list[_Line], first: int) -> Field | None:
    kept: list[_Line] = []
    for line in lines[first:]:
        is_other = _TITLE.match(line.words) or _RECIPIENT.search(line.words) or _TAX_NUMBER.match(line.words)
        if (
            (kept and line.is_apart)
            or is_other
            or _STOP.search(line.words)
            or _NOTICE.search(line.words)
            or len(kept) >= 7
        ):
            break
        kept.append(line)
    if not kept:
        return None
    label = _CALLED.match(kept[0].words)
    kept[0] = (
        replace(kept[0], start=kept[0].start + label.end(), words=kept[0].words[label.end() :]) if label else kept[0]
    )
    parts = [_REGISTERED.sub("", line.words).strip() for line in kept]
    last = kept[-1]
    sure = 0.85 if any(re.search(r"\b\d{4,6}\b", part) for part in parts) else 0.65
    return Field(
        kind="address", value=" ".join(" ".join(parts).split()), start=kept[0].start, end=last.start + len(last.words),
        confidence=sure, reason="the lines of an address below the name",
    )  # fmt: skip
