"""By when an invoice is to be paid that tells how long it gives: net 30, innerhalb von 14 Tagen, à 30 jours."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serdab.knowledge.extraction.contracts import NUMBERS as ENGLISH_NUMBERS
from serdab.knowledge.extraction.digits import plain_digits
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.lettercase import lower
from serdab.knowledge.extraction.records import Value
from serdab.knowledge.extraction.term_days import MONTH_END, MonthEnd, last_day, month_end_alone, month_end_behind
from serdab.knowledge.extraction.terms_abroad import NUMBERS as OTHER_NUMBERS

_NUMBERS = {
    **ENGLISH_NUMBERS, **OTHER_NUMBERS, "a": 1, "eines": 1, "vierzehn": 14, "veertien": 14, "quinze": 15, "quince": 15,
    "quindici": 15, "zwanzig": 20, "dreißig": 30, "dreissig": 30, "trente": 30, "treinta": 30, "trenta": 30,
    "dertig": 30, "trinta": 30, "ثلاثين": 30, "forty-five": 45, "fünfundvierzig": 45, "quarante-cinq": 45,
    "sechzig": 60, "soixante": 60, "sesenta": 60, "sessanta": 60, "zestig": 60, "neunzig": 90, "noventa": 90,
}  # fmt: skip
_WORDS = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_DAYS = (
    r"days?|tage?n?|jours?|d[ií]as?|giorn[io]|gg\.?|dagen|dagar|dage|dager|dni|pv|päivää?n?|"
    r"يوم[\u0621-\u0652]{0,3}|أيام|天|日"
)
_WEEKS = r"weeks?|wochen?|semaines?|semanas?|settiman[ae]|weken|veckor|uger|uker|tygodni\w{0,2}|أسابيع"
_MONTHS = r"months?|monate?n?s?|mois|mes(?:es)?|mes[ei]|maand(?:en)?|månad(?:er)?|miesi[ąę]c\w{0,2}|أشهر"
#: Days from Monday to Friday; jours ouvrables have the Saturday, too, and Arabic countries another week.
_WORKING = (
    r"(?:working|business|banking|week)[ -]?days?|(?:werk|arbeits|bank|geschäfts)tage?n?|jours? ouvrés?|"
    r"d[ií]as? (?:hábil(?:es)?|laborables?|úteis|útil)|giorn[io] lavorativ[io]|gg\.? lavorativi|werkdag(?:en)?|"
    r"bankdag(?:ar|en|e|er)?|arbetsdagar|ar(?:bejds|beids)dage[nr]?|dni robocz\w{1,3}"
)
_SPAN = re.compile(
    rf"(?<![a-z\d.,/%年月])(?:\d{{1,3}}|{_WORDS})\)?(?:\s?\(\s?[\w -]{{1,20}}\s?\))?[\s-]{{0,2}}"
    rf"(?:calendar\s|kalender)?(?:(?P<work>{_WORKING})|(?P<day>{_DAYS})|(?P<week>{_WEEKS})|(?P<month>{_MONTHS}))(?!(?<![天日])\w)",
    re.I,
)
_COUNT = re.compile(rf"\d{{1,3}}|{_WORDS}", re.I)
#: Without a unit; other numbers behind that word are amounts.
_NET = re.compile(
    r"\bnet[ -]{0,2}(?P<bare>7|8|10|14|15|20|21|28|30|35|40|45|50|60|75|90|100|120)"
    rf"(?![\w%€$£]|[.,]\d| [%€$£\d]|[\s-]{{1,2}}(?:{_WORKING}|{_DAYS}|{_WEEKS}|{_MONTHS})\b)",
    re.I,
)
#: Most spans of time that are looked at, how far around one, and how far before one for what announces it, characters.
_MOST_PLACES = 50
_AROUND = 160
_NEAR = 60

#: What ends a sentence or a cell, and a line unless the next one goes on with a small letter.
_ENDS = re.compile(r"(?<!\d)(?<!gg)[.!?](?=\s)|[;。؛\t\f|]| {3}|\n(?![a-zà-ÿ])")
_PAYING = re.compile(
    r"\bpay|\bpaid|\bdue\b|\bremit|\bsettle|\bterms\b|zahl|überweis|begleich|fällig|\bpa[iy]e|règle|payable|virement|"
    r"\bpag[aoiu]|abon[ao]|vencim|bonific|saldo|saldar|betal|voldoen|overma|over te maken|maksett|płat|zapła|maks[eu]|"
    r"دفع|سداد|تسديد|يستحق|تحويل|付|支払|払|\b\d/1[05], ?$",
    re.I,
)
#: What else papers give a time for. `_LATE` is no such thing where it stands behind the time: pay in 30 days to avoid …
_OTHER = re.compile(
    r"\breturn|purchas|claim|complain|refund|warrant|guarant|\btrial|\bvalid|deliver|shipment|cancel|terminat|"
    r"\b(?:last|past|previous|every)\b|"
    r"reklam|beanstand|mängel|widerruf|rückgabe|umtausch|erstatt|garant|kündig|storn|gültig|liefer|versand|verzug|"
    r"letzten|retour|réclam|rembours|valable|livraison|derniers|devoluci|reclam|válid|entrega|últimos|consegna|"
    r"valid[ao]|"
    r"klacht|gelever|levering|geldig|ضمان|تسليم|توصيل|إرجاع|استرجاع|صالح|退|保修|交货",
    re.I,
)
_LATE = re.compile(
    r"interest|\blate\b|overdue|unpaid|\bnot (?:be(?:en)? )?(?:paid|settled|received|within)|(?<!miet)zins|"
    r"nicht (?:innerhalb|binnen|innert)|intérêt|pénalit|retard|interes[ei]s?\b|\bmora\b|\brente\b|غرامة|تأخير",
    re.I,
)
_DISCOUNT = re.compile(
    r"(?<!no )(?<!without )discount|(?<!ohne )(?<!kein )skonto|(?<!sans )(?<!d['’])escompte(?! ?:? ?néant)|"
    r"(?<!sin )descuento|(?<!senza )sconto|korting|خصم",
    re.I,
)
#: Right before the time: that it is one within which, or what such terms are called.
_WITHIN = re.compile(
    r"(?:(?<!\w)(?:within(?: a period of)?|in|not? later than|otherwise|innerhalb|innert|binnen|bis(?: zu)?|sonst|oder|"
    r"dans|sous|délai|d['’]ici|à|a|en|dentro|plazo|entro|termine|op|em|até|prazo|inom|inden(?: for)?|innen|"
    r"w (?:ciągu|terminie)|do|خلال|غضون|بعد|مدة)"
    r"(?:\s(?:von|der|nächsten|den|de|un|los|les|the|next|máximo|délai|i|av)){0,4}\s|"
    r"[后後于])\s?$",
    re.I,
)
_CALLED = re.compile(
    r"(?:\bterms?(?: of payment)?|\bpayment(?: due| period)?|zahlungs(?:ziel|frist|bedingung(?:en)?|kondition(?:en)?)|"
    r"zahlbar|fällig(?:keit)?|zahlung|paiement|règlement|échéance|\bpago|vencimiento|pagamento|scadenza|"
    r"maksuehto|maksuaika|bet(?:alings|aal)(?:termijn|conditie\w?|voorwaarden|villkor|betingelser|frist)|betaling|"
    r"płatności|الدفع|السداد|"
    r"付款期限|付款条件|支払条件)[^\w\n]{0,6}\n?[^\w\n]{0,6}$",
    re.I,
)
_NET_BEFORE = re.compile(r"\bnett?o?[\s:-]{1,3}$", re.I)
_NET_BEHIND = re.compile(r"\s?(?:rein |strictly )?net(?:to|t|ti|te|s)?\b(?! ?[\d€$£])", re.I)
#: Counted from the day of the paper, or from one that it does not tell.
_FROM_INVOICE = re.compile(
    r"[\s,]{1,2}(?:[^\W\d_][\w'’]{0,12}\s){0,5}[a-z]{0,8}(?:invoice|bill\b|rechnung|factur|fattur|faktur|fatur)|"
    r"\s[^\n.،,]{0,25}فاتورة",
    re.I,
)
_FROM_RECEIPT = re.compile(
    r"\s[^\n.;,]{0,30}(?:receipt|receiv|erhalt|zugang|eingang|réception|recepci|riceviment|ontvang|recebiment|استلام)",
    re.I,
)
_UNKNOWN = re.compile(r"\s{0,2}(?:ouvr|عمل)", re.I)
#: A date right behind, from which the time is counted.
_FROM_DATE = re.compile(
    r"\s(?:from|after|of|ab|nach|vom|à compter d[ue]|après|desde|a partir del?|dal|vanaf|na)\b", re.I
)
_LINKED, _PARTS = 25, re.compile(r"[\n.;]")
_SENTENCE_ENDS = re.compile(r"[.!?](?:\s|$)")


@dataclass(frozen=True, slots=True)
class _Term:
    start: int
    end: int
    count: int
    unit: str
    #: Place of the sentence, line or cell that it stands in, as far as it is looked at.
    first: int
    last: int
    #: Whether it says itself that nothing is taken off.
    is_net: bool = False
    month_end: MonthEnd | None = None


def find_payment_term(text: str, dates: Sequence[Field], own: Value | None) -> tuple[Field, str] | None:
    """The day that the first terms of payment of an invoice make, at the place of the terms; why it needs a look.

    Args:
        text: of the invoice.
        dates: all of the text, in its order.
        own: its own date, from which terms count that name no other. None: those make no day.
    """
    plain = plain_digits(text)
    terms = [term for term in itertools.islice(_spans(plain), _MOST_PLACES) if _is_of_payment(plain, term)]
    for _, group in itertools.groupby(terms, key=lambda term: term.first):
        told = list(group)
        if _DISCOUNT.search(plain, told[0].first, told[-1].last):
            # The shorter one is for who takes the discount; one alone is it, unless it is called net.
            told = [term for term in told if term.is_net] or (told if len(told) > 1 else [])
        for term in sorted(told, key=_days, reverse=True):
            if (due := _due(plain, term, dates, own)) is not None:
                return due
    return None


def _spans(text: str) -> Iterator[_Term]:
    """The spans of time of a text, each with its sentence."""
    patterns = (_SPAN, _NET, MONTH_END)
    found = sorted((match for each in patterns for match in each.finditer(text)), key=lambda match: match.start())
    for match in found:
        count = None if match.re is MONTH_END else _COUNT.search(match[0])
        month_end = month_end_behind(text, match.end()) if count else month_end_alone(match)
        start, end = match.start(), month_end.end if month_end is not None else match.end()
        ends = [each.end() for each in _ENDS.finditer(text, max(start - _AROUND, 0), start)]
        following = _ENDS.search(text, end, end + _AROUND)
        yield _Term(
            start=start, end=end, count=_number(count[0]) if count else 0,
            unit=next(unit for unit, part in match.groupdict().items() if part) if count else "day",
            first=ends[-1] if ends else max(start - _AROUND, 0),
            last=following.start() if following is not None else min(end + _AROUND, len(text)),
            is_net=match.re is _NET or _is_called_net(text, match), month_end=month_end,
        )  # fmt: skip


def _number(written: str) -> int:
    return _NUMBERS.get(lower(written)) or int(written)


def _is_called_net(text: str, match: re.Match[str]) -> bool:
    before = text[max(match.start() - 12, 0) : match.start()]
    return _NET_BEFORE.search(before) is not None or _NET_BEHIND.match(text, match.end()) is not None


def _is_of_payment(text: str, term: _Term) -> bool:
    """Whether a span of time is one that is given for the payment."""
    before, behind = text[term.first : term.start], text[term.end : term.last]
    if _OTHER.search(before) or _LATE.search(before) or _OTHER.search(behind.partition(",")[0]):
        return False
    if _UNKNOWN.match(behind) or (term.month_end is not None and term.month_end.is_more):
        return False
    near = text[max(term.start - _NEAR, 0) : term.start]
    if _CALLED.search(near) or _FROM_INVOICE.match(behind) or (term.count and term.month_end is not None):
        return True
    if not term.count:
        return False
    is_paying = any(_PAYING.search(each) for each in (_line_above(text, term), before, behind))
    return (term.is_net and term.unit != "bare") or (is_paying and (term.is_net or _WITHIN.search(near) is not None))


def _line_above(text: str, term: _Term) -> str:
    """What the line above ends with, where the sentence or cell of a span of time begins a line."""
    above = text[max(term.first - _AROUND, 0) : term.first].rstrip(" ")
    return _SENTENCE_ENDS.split(above.rstrip("\n").rpartition("\n")[2])[-1] if above.endswith("\n") else ""


def _days(term: _Term) -> int:
    return term.count * {"week": 7, "month": 30}.get(term.unit, 1)


def _due(text: str, term: _Term, dates: Sequence[Field], own: Value | None) -> tuple[Field, str] | None:
    """The day that terms make, counted from a date right behind them, else from that of the paper."""
    unit = "day" if term.unit == "bare" else term.unit
    told = f"{term.count} {unit}{'' if term.count == 1 else 's'}"
    if unit == "work" or term.month_end is not None:
        told = " ".join(text[term.start : term.end].split())
    linked = _FROM_DATE.match(text, term.end)
    begun = next((date for date in dates if linked and 0 <= date.start - linked.end() <= _LINKED), None)
    if begun is not None and _PARTS.search(text, term.end, begun.start) is None:
        day, sure, reason = begun.value, 0.9 * begun.confidence, f"{told} from {begun.value}"
    elif own is not None:
        day, sure, reason = own.value, 0.85 * own.confidence, f"{told} from the document's date, {own.value}"
        if _FROM_RECEIPT.match(text, term.end):
            sure, reason = 0.7 * sure, f"{reason}, as the day of its receipt is not told"
    else:
        return None
    last = last_day(day, term.count, unit, term.month_end)
    if last is None:
        return None
    value, doubt = last
    sure *= 0.8 if doubt else 1.0
    return Field(kind="date", value=value, start=term.start, end=term.end, confidence=sure, reason=reason), doubt
