"""What of a mail's text its writer wrote, what is quoted from others, and what is a signature."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Literal

Kind = Literal["own", "quoted", "signature"]

#: What says that a quotation follows, in the languages of common mail programs.
_ATTRIBUTION = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Em|Den) [^\n]{4,300}(?:wrote|schrieb[^\n]{0,80}|écrit|escribió"
    r"|ha scritto|schreef[^\n]{0,80}|escreveu|skrev[^\n]{0,80}) ?:|[^\n]{4,300}(?:写道|كتب)[:：]?"
    r"|في [^\n]{4,200}(?:تمت كتابة ما يلي بواسطة|كتب) [^\n]{2,120}:"
)
#: Lines over which it may be broken.
_MOST_ATTRIBUTION = 3
#: The head of a mail that was copied below an answer; nothing after it is the writer's own.
_COPIED = re.compile(
    r"-{2,20} ?(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Weitergeleitete Nachricht"
    r"|Message d['’]origine|Message transféré|Mensaje original|Mensaje reenviado|Messaggio originale"
    r"|Messaggio inoltrato|الرسالة الأصلية|رسالة معاد توجيهها) ?-{2,20}|_{20,200}"
    r"|(?:Begin forwarded message|Anfang der weitergeleiteten Nachricht|Début du message (?:transféré|réexpédié)) ?:",
    re.IGNORECASE,
)
#: The same without a line before it: who wrote, and within two lines when.
_FROM = re.compile(
    r"\*?(?:From|Von|De|Da|Van|Från|Fra|Od|От|من|发件人|寄件者|差出人) ?[:：]\*? ?[^\n]{1,300}", re.IGNORECASE
)
_SENT = re.compile(
    r"\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el| em)?|Fecha|Data|Inviato|Verzonden|Skickat|Sendt|Wysłano"
    r"|Отправлено|Дата|تم الإرسال|تاريخ الإرسال|التاريخ|发送时间|日期|送信日時) ?[:：]\*? ?[^\n]{1,300}",
    re.IGNORECASE,
)
#: Characters of a line that are looked at, and lines; what stands behind them is like the last of them.
_MOST_LINE, _MOST_LINES = 1000, 20_000
#: Lines that a signature may have; a longer rest is text.
_MOST_SIGNATURE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPart:
    """Some whole lines of a mail's normalised text: `text[start:end]`."""

    kind: Kind
    start: int
    end: int


def find_mail_parts(text: str) -> Sequence[MailPart]:
    """The parts of a mail's normalised text in order, without its headers and attachments; together they cover it."""
    start = text.find("\n\n") + 2 if text.startswith(("From:", "To:", "Date:", "Subject:")) and "\n\n" in text else 0
    end = text.find("\f")
    end = len(text) if end < 0 else end
    lines = text[start:end].split("\n", _MOST_LINES)
    parts: list[MailPart] = []
    for kind, group in groupby(zip(_kinds_of(lines), lines, strict=True), key=itemgetter(0)):
        after = start + sum(len(line) + 1 for _, line in group)
        parts.append(MailPart(kind=kind, start=start, end=min(after, end)))
        start = after
    return parts if end > parts[0].start else []


def _kinds_of(lines: Sequence[str]) -> Iterator[Kind]:
    bare = [line[:_MOST_LINE].strip() for line in lines]
    leading = {place for number in range(len(lines)) for place in _attribution_before(bare, number)}
    kind: Kind = "own"
    is_copied = False
    for number, line in enumerate(bare):
        is_copied = is_copied or _begins_copy(bare, number)
        kind = "quoted" if is_copied or number in leading else _kind_of(line, kind, len(lines) - number)
        yield kind


def _attribution_before(bare: Sequence[str], number: int) -> range:
    """The lines that lead to the quotation that begins in a line; none when none does."""
    if not bare[number].startswith(">") or (number and bare[number - 1].startswith(">")):
        return range(0)
    end = number - 1 if number and not bare[number - 1] else number
    for first in range(end - 1, max(end - _MOST_ATTRIBUTION, 0) - 1, -1):
        if _ATTRIBUTION.fullmatch(" ".join(bare[first:end])):
            return range(first, number)
    return range(0)


def _begins_copy(bare: Sequence[str], number: int) -> bool:
    if _COPIED.fullmatch(bare[number]):
        return True
    return bool(_FROM.fullmatch(bare[number]) and any(map(_SENT.fullmatch, bare[number + 1 : number + 3])))


def _kind_of(bare: str, before: Kind, left: int) -> Kind:
    if bare.startswith(">") or (not bare and before == "quoted"):
        return "quoted"
    if bare == "--" and left <= _MOST_SIGNATURE:
        return "signature"
    return "signature" if before == "signature" else "own"
