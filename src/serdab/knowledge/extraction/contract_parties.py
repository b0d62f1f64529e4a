"""Who makes a contract: named between, defined at the head, addressed by a letter, signing at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.listed_parties import find_listed_parties
from serdab.knowledge.extraction.names import (
    FULL_LINE,
    LEGAL_FORM,
    WITHIN,
    behind_article,
    behind_joint,
    folded_name,
    plain_name,
    words_of,
)
from serdab.knowledge.extraction.role_parties import find_role_parties

#: How far into a contract its parties are named, and how long its signatures may be, characters.
HEAD = 3_500
TAIL = 4_000
#: Points from which on a name is a party, and most parties.
LEAST = 3.0
MOST = 5

_WORD = r"(?:[A-ZÀ-ÖØ-Þ0-9][\w'’./-]{0,30}|[a-z]{1,4}[A-Z][\w'’.-]{1,30}|“[A-Z][\w’-]{1,30}”)"
_LINK = rf"(?:,? |,? ?& ?|,? and |,? of (?:the )?| {WITHIN} )"
#: A name with a legal form at its end.
_COMPANY = re.compile(
    rf"(?<![\w&'’.-])({_WORD}(?:{_LINK}{_WORD}){{0,7}}?,? {LEGAL_FORM}(?![\w-])\.?"
    rf"(?:,? (?:{LEGAL_FORM})(?![\w-])\.?){{0,2}})"
)
#: A name of two to four words, as people have.
_PERSON = re.compile(
    r"(?<![\w&'’.-])((?:(?:Dr|Mr|Ms|Mrs)\. )?[A-Z][A-Za-z'’.-]{0,20}(?: (?:[A-Z][A-Za-z'’-]{1,20}|[A-Z]\.?|de|"
    r"van|von|der)){1,3}"
    r"(?:,? (?:Jr|Sr|II|III|IV)\b\.?)?)"
)
#: Any other name that is capital at its head, for the place behind "between".
_ANY = re.compile(rf"(?<![\w&'’.-])(?=[A-Z])({_WORD}(?:(?: | & | of | and (?={_WORD} ?\()){_WORD}){{0,6}})")
_OPENERS = re.compile(
    r"(?:\bbetween|\bBETWEEN|\bamong|\bAMONG|\bAmong|\bBetween|\bparties:|\bPARTIES:|"
    r"\bParties:)\s(?:the\s)?(?:\(\w{1,3}\)\s)?$|"
    r"\bPARTIES\s{1,3}\(\w{1,3}\)\s$"
)
_LISTS = re.compile(r"\b(?:(?i:between|among)\b|PARTIES\s{1,3}\()")
_NEXT = re.compile(
    r"(?:\band|\bAND|[;:]|\)|,)\s(?:between\s|and\s)?(?:\((?:\w{1,3})\)\s|on (?:the )?(?:one|other) hand,?\s)?$"
)
_DEFINED = re.compile(
    r"^,?\s?(?:\(|[“\"]|,?\s?(?:an?|the)\s(?:[\w’'-]{1,20}[\s,]{1,2}){0,6}?(?:corporation|company|partnership|"
    r"individual|bank|"
    r"trust|limited|resident|citizen|employee|organization|person|association|entity|subsidiary)|"
    r",?\s?(?:hereinafter|hereafter|individually|whose|having|located|with (?:an? |its )?(?:\w{1,12} ){0,3}"
    r"(?:offices?|place|address)|organized|incorporated|residing|on behalf|together with|and its|for itself)|"
    r",?\sas\s(?:the\s)?(?-i:[A-Z“\"]))",
    re.I,
)
_MARKED = re.compile(
    r"^[^.;]{0,160}?\((?:the |this |collectively,? |hereinafter |hereafter |referred |called |individually |as |"
    r"to |in ){0,5}"
    r"[“\"'‘][^”\"'’)]{1,60}[”\"'’]"
)
_ADDRESSED = re.compile(r"\b(?:Dear|Ladies|Gentlemen|Re:|RE:|Attention|Attn|c/o|Subject)\b")
_NO_NAMES = words_of(
    """agreement exhibit ladies gentlemen dear company confidential confidentiality disclosure nondisclosure non
    parties party employee employer executive state commonwealth recipient provider purchaser seller whereas this
    the in as of and by page information section board chief president vice director officer secretary treasurer
    effective date new united street avenue road suite floor drive boulevard blvd mutual merger plan act law laws
    court county city inc llc january february march april may june july august september october november
    december monday tuesday wednesday thursday friday attention attn re subject title name address signature
    witness common stock possible transaction evaluation material subsidiary subsidiaries affiliates
    representatives corporation limited ltd annex schedule form general counsel signed sincerely very truly yours
    counterparts north south west east intellectual property standstill invention inventions distributor
    participant discloser buyer acquirer consultant contractor undersigned receiving disclosing benefactor
    shareholder stockholder director investor payment bonus retention usa hereinafter collectively customer
    supplier vendor client owner agent lender borrower"""
)
#: Words of headings that may stand right before a name.
_HEADINGS = words_of(
    """agreement exhibit ladies gentlemen dear confidential confidentiality disclosure nondisclosure non-disclosure
    parties page employee employer form logo re subject between among non-solicitation non-competition directors
    board subsidiary letter the: attn attention with"""
)
_PLACES = words_of(
    """alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois
    indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri
    montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia washington
    wisconsin wyoming ontario quebec alberta victoria england wales ireland scotland canada china japan germany
    france israel india australia"""
)


@dataclass(slots=True)
class _Candidate:
    start: int
    end: int
    value: str
    points: float
    reasons: list[str]


def find_contract_parties(text: str) -> list[Field]:
    """The parties of a contract: those it lists by role, else the surest; in the order of the text."""
    if listed := find_role_parties(text) or find_listed_parties(text):
        return listed
    head, tail = _flowing(text[:HEAD]), text[max(len(text) - TAIL, HEAD) :]
    lines = {folded_name(line) for line in tail.split("\n")}
    signing = folded_name(tail)
    names: dict[str, _Candidate] = {}
    for candidate in _candidates(text, head):
        if folded_name(candidate.value) in signing or folded_name(text[candidate.start : candidate.end]) in signing:
            candidate.points += 1.0 if folded_name(text[candidate.start : candidate.end]) in lines else 0.5
            candidate.reasons.append("signs at the end")
        known = names.get(folded_name(candidate.value))
        if known is None or candidate.points > known.points:
            names[folded_name(candidate.value)] = candidate
    best = sorted(names.values(), key=lambda each: -each.points)[:MOST]
    kept = [each for each in best if each.points >= LEAST and not _is_part(each, best)]
    return [
        Field(
            kind="party", value=each.value, start=each.start, end=each.end,
            confidence=min(0.5 + each.points / 12, 0.97), reason=", ".join(each.reasons),
        )
        for each in sorted(kept, key=lambda each: each.start)
    ]  # fmt: skip


def _flowing(head: str) -> str:
    """The lines of a paragraph as one, each character at its place; short lines, as of an address, stay alone."""
    lines = head.split("\n")
    return "".join(line + (" " if len(line) >= FULL_LINE else "\n") for line in lines)[: len(head)]


def _is_part(one: _Candidate, others: list[_Candidate]) -> bool:
    """Whether a name is the short form of a longer one that was found at least as sure."""
    mine = folded_name(one.value)
    return any(other is not one and mine in folded_name(other.value) and other.points >= one.points for other in others)


def _candidates(text: str, head: str) -> Iterator[_Candidate]:
    taken: list[tuple[int, int]] = []
    for match in _COMPANY.finditer(head):
        start, end = _trimmed(head, *match.span(1))
        words = head[start:end].split()
        if end - start < 4 or len(words) < 2 or (len(words) == 2 and words[0].lower() in _PLACES | _NO_NAMES):
            continue
        taken.append((start, end))
        yield _weighed(text, head, start, end, 1.0, "a legal form in its name")
    for pattern in (_PERSON, _ANY):
        for match in pattern.finditer(head):
            start, end = match.span(1)
            if any(first < end and start < last for first, last in taken):
                continue
            words = [word.strip(".,").lower() for word in head[start:end].split()]
            if not _is_name(head[start:end], words):
                continue
            candidate = _weighed(text, head, start, end, 0.0, "shaped like a name")
            if candidate.points >= LEAST - 1:
                taken.append((start, end))
                yield candidate


def _is_name(written: str, words: list[str]) -> bool:
    if re.search(r"\d", written) or "“" in written or words[-1] in _PLACES or words[0] in _PLACES:
        return False
    return not any(word in _NO_NAMES for word in words) and len(re.sub(r"\W", "", written)) > 2


def _trimmed(head: str, start: int, end: int) -> tuple[int, int]:
    """A company's name without the words before it that are none of it."""
    start = behind_article(head, behind_joint(head, start, end), end)
    while (first := re.match(r"(\S+)\s", head[start:end])) is not None:
        word = first[1].strip(".,:;“”").lower()
        if word not in _HEADINGS and not re.fullmatch(r"[\d.,-]+|ex-\S+|\S*\.htm|by|of|and", word):
            break
        start += first.end()
    return start, end


def _weighed(text: str, head: str, start: int, end: int, points: float, reason: str) -> _Candidate:
    before, after = head[max(start - 60, 0) : start], head[end : end + 260]
    reasons = [reason]
    if _OPENERS.search(before):
        points += 2.5
        reasons.append("behind 'between'")
    elif _NEXT.search(before) and _LISTS.search(head, max(start - 600, 0), start):
        points += 1.5
        reasons.append("named beside another")
    if _DEFINED.match(after):
        points += 1.0
        reasons.append("described at once")
    if _MARKED.match(after):
        points += 1.0
        reasons.append("gets a short name")
    if _stands_alone(text, start, end) and _ADDRESSED.search(head, end, min(end + 400, len(head))):
        points += 2.0
        reasons.append("addressed by the letter")
    value = plain_name(head[start:end])
    return _Candidate(start=start, end=end, value=value, points=points, reasons=reasons)


def _stands_alone(text: str, start: int, end: int) -> bool:
    return (start == 0 or text[start - 1] == "\n") and text[end : end + 1] in {"\n", ""}
