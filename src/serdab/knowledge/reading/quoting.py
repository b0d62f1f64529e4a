"""What of a mail's text its writer wrote, what is quoted from others, and what is a signature."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["own", "quoted", "signature"]

#: Lines that say that what follows was written by somebody else, in the languages of common mail programs.
_ATTRIBUTION = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Em|Den) [^\n]{4,200}(?:wrote|schrieb[^\n]{0,80}|écrit|escribió"
    r"|ha scritto|schreef[^\n]{0,80}|escreveu|skrev[^\n]{0,80}) ?:|[^\n]{4,200}(?:写道|كتب)[:：]?"
)
#: The head of a mail that was copied below an answer; nothing after it is the writer's own.
_COPIED = re.compile(
    r"-{2,20} ?(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Message d'origine|Mensaje original"
    r"|Messaggio originale|الرسالة الأصلية) ?-{2,20}|_{20,200}",
    re.IGNORECASE,
)
_MOST_LINE = 1000
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
    parts: list[MailPart] = []
    lines = text[start : end if end >= 0 else len(text)].splitlines(keepends=True)
    kind: Kind = "own"
    is_copied = False
    for number, line in enumerate(lines):
        is_copied = is_copied or _COPIED.fullmatch(line.strip()[:_MOST_LINE]) is not None
        kind = "quoted" if is_copied else _kind_of(line, kind, lines[number + 1 : number + 3], len(lines) - number)
        if parts and parts[-1].kind == kind:
            parts[-1] = MailPart(kind=kind, start=parts[-1].start, end=start + len(line))
        else:
            parts.append(MailPart(kind=kind, start=start, end=start + len(line)))
        start += len(line)
    return parts


def _kind_of(line: str, before: Kind, following: Sequence[str], left: int) -> Kind:
    bare = line.strip()[:_MOST_LINE]
    if bare.startswith(">") or (not bare and before == "quoted"):
        return "quoted"
    if _ATTRIBUTION.fullmatch(bare) and any(each.startswith(">") for each in following):
        return "quoted"
    if bare == "--" and left <= _MOST_SIGNATURE:
        return "signature"
    return "signature" if before == "signature" else "own"
