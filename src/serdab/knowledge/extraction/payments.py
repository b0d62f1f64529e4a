"""Who paid whom how much: amounts of a message with their role, payer and payee, and questions answered from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from serdab.knowledge.extraction.amounts import find_amounts
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.records import Row
from serdab.knowledge.extraction.totals import find_total

#: Most characters of a message that are looked at.
MOST_CHARACTERS = 50_000
#: The one whose message it is: account holders are addressed as "you".
SELF = "you"

#: A name ends where its sentence, its line or its part of a header does.
_NAME = (
    r"([^\s|,;][^|\n;]{0,60}?)(?=\.{1,2}(?:\s|$|[A-Z])|[|\n;]|$| (?:via|by|on|in|using|for|with|from|to|at|"
    r"has|have|was|is|and)\b|, (?!inc|llc|ltd|s\.))"
)
_A = r"(?:an?|the|your)\s"
_KIND = rf"(?:{_A})?(?:[A-Za-z.]{{2,12}}\s){{0,3}}?"
#: What stands right before an amount, and what right behind it; N is the other side.
_BEFORE_CHARGED = re.compile(r"(?:charged|preauthori[sz]ed|debited|billed)[^.\n|]{0,40}?(?:for|of|account)?\s?$", re.I)
_BEFORE_SENT = re.compile(r"(?:sent|paid|transferred|wired|remitted)\s(?:[A-Za-z.]{1,14}\s){0,5}(?:of\s)?$", re.I)
_BEFORE_RECEIVED = re.compile(r"(?:received|credited|refunded)\s(?:[A-Za-z.]{1,14}\s){0,4}(?:of\s)?$", re.I)
_BEFORE_PAYMENT = re.compile(r"(?:payment|transfer|refund|credit)\s(?:of\s)?$", re.I)
_BY = re.compile(rf"^[^.\n|]{{0,24}}?\bby (?!ach\b|card\b|check\b|bank\b|wire\b){_NAME}", re.I)
_TO = re.compile(rf"^(?:(?!applied|credited|added)[^.\n|]){{0,24}}?\bto (?!your\b){_NAME}", re.I)
_FROM = re.compile(rf"^[^.\n|]{{0,40}}?\bfrom (?!your\b){_NAME}", re.I)
_SUBJECT = re.compile(
    r"(?:^|[|\n.:,!]\s{0,2})([^|\n.:,!]{2,60}?)\s(?:has\s|have\s)?(?:charged|sent|paid|transferred)\s", re.I
)
_ACCOUNT = re.compile(
    r"^(?:you|your\b|(?:[\w'’]+ ){0,3}(?:debit |credit )?card|your company|[\w'’ ]{0,30}account)", re.I
)

_SENDER = re.compile(
    r"(?:^|[|\n])\s{0,2}(?:email_)?from:\s{0,3}([^|\n<]{0,80}?)\s{0,2}(?:<?([\w.+-]{1,64})@([\w.-]{3,80})>?)?\s{0,2}(?=[|\n]|$)",
    re.I,
)
_BILL = re.compile(
    r"\b(?:receipt|invoice|order|purchase|booking|payment received|payment confirmation|billing|"
    r"rechnung|facture|factura|فاتورة|发票)\b", re.I,
)  # fmt: skip
_NOTICE = re.compile(
    r"\b(?:debit card|checking account|outgoing transactions|incoming transactions|has been charged)\b", re.I
)
_PAID = re.compile(r"(?:total paid|amount (?:charged|paid)|\bpaid|payment of|you paid)[:\s]{0,12}$", re.I)
_PAID_AFTER = re.compile(r"^\s{0,4}(?:paid|was paid|charged)\b", re.I)

_QUESTION = re.compile(r"(?:paid|payed|sent|transferred|charged)\s(to|by|from)\s([^?\n]{1,80}?)\s{0,2}(?:\?|$)", re.I)


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that went from one to another, as a message tells it."""

    amount: Field
    #: charged, sent, received, billed.
    role: str
    #: Names as they are written; "you" is whom the message speaks to, empty: not told.
    payer: str
    payee: str


def find_payments(text: str) -> list[Payment]:
    """The payments that a message tells of, in its order; amounts of which neither side is named are left out."""
    text = text[:MOST_CHARACTERS]
    amounts = sorted(find_amounts(text), key=lambda field: field.start)
    told = [payment for amount in amounts if (payment := _told(text, amount)) is not None]
    return told or list(_billed(text, amounts))


def payment_rows(text: str, name: str) -> list[Row]:
    """The payments as rows of a record: amount, role, payer and payee."""
    return [
        Row(
            name=name, start=each.amount.start, end=each.amount.end, page=1 + text.count("\f", 0, each.amount.start),
            cells={"amount": each.amount.value, "role": each.role, "payer": each.payer, "payee": each.payee},
        )
        for each in find_payments(text)
    ]  # fmt: skip


def answer_payment_question(rows: Sequence[Row], question: str) -> list[str]:
    """The amounts that were paid "to X" or "by X", each once; none: the message does not tell.

    Args:
        rows: the payments of the message.
        question: holds "paid to X?" or "paid by X?".
    """
    asked = _QUESTION.search(question)
    if asked is None:
        return []
    side = "payee" if asked[1].lower() == "to" else "payer"
    found = [row.cells["amount"] for row in rows if "payer" in row.cells and _is_same(asked[2], row.cells[side])]
    return list({amount.split(" ")[0]: amount for amount in found}.values())


def _told(text: str, amount: Field) -> Payment | None:
    """The payment of a sentence that names both sides."""
    before = text[max(amount.start - 110, 0) : amount.start]
    after = text[amount.end : amount.end + 130]
    subject = _subject(before)
    if _BEFORE_CHARGED.search(before):
        by = _BY.match(after)
        payee = by[1] if by else subject if subject and not _ACCOUNT.match(subject) else ""
        return _payment(amount, "charged", SELF, payee)
    if _BEFORE_SENT.search(before):
        to = _TO.match(after)
        return _payment(amount, "sent", _or_self(subject), to[1] if to else "")
    if _BEFORE_RECEIVED.search(before):
        by = _FROM.match(after)
        return _payment(amount, "received", by[1] if by else "", SELF)
    if _BEFORE_PAYMENT.search(before):
        to, by = _TO.match(after), _FROM.match(after)
        if to or by:
            return _payment(amount, "sent", by[1] if by else SELF, to[1] if to else SELF)
    return None


def _subject(before: str) -> str:
    found = list(_SUBJECT.finditer(before))
    return found[-1][1].strip() if found else ""


def _or_self(subject: str) -> str:
    return subject if subject and not _ACCOUNT.match(subject) else SELF


def _payment(amount: Field, role: str, payer: str, payee: str) -> Payment | None:
    payer, payee = payer.strip(" .,*"), payee.strip(" .,*")
    return Payment(amount=amount, role=role, payer=payer, payee=payee) if payer and payee else None


def _billed(text: str, amounts: Sequence[Field]) -> Iterator[Payment]:
    """What the sender of a receipt or an invoice was paid; a bank's notice of a payment is neither."""
    sender = _SENDER.search(text[:3_000])
    if sender is None or not _BILL.search(text) or _NOTICE.search(text):
        return
    payee = " ".join(part for part in (sender[1].strip(), (sender[3] or "").split(".")[-2:][0]) if part)
    paid = [
        amount
        for amount in amounts
        if _PAID.search(text[max(amount.start - 40, 0) : amount.start])
        or _PAID_AFTER.match(text[amount.end : amount.end + 20])
    ]
    total = find_total(text, amounts)
    for amount in paid or ([total] if total is not None and total.confidence >= 0.85 else []):
        payment = _payment(amount, "billed", SELF, payee)
        if payment is not None:
            yield payment


def _is_same(asked: str, name: str) -> bool:
    """Whether every word that was asked for is one of a name; short forms of firms do not count."""
    wanted, given = _words(asked), _words(name)
    return bool(wanted) and (wanted <= given or "".join(sorted(wanted)) in {"".join(sorted(given))})


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.lower())) - {"inc", "llc", "ltd", "the", "and", "co"}
