"""Who writes a letter with a window: the customer's block stands left of the sender's, or below one line of his."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.letterheads import SALUTATION, address_of, is_address, is_name
from serdab.knowledge.extraction.suppliers import NUMBERS, REACHED, are_alike, name_words
from serdab.knowledge.extraction.table_heads import find_head

#: Characters and lines of a head that are looked at, and lines of a foot.
_MOST_HEAD, _MOST_LINES, _FOOT_LINES = 4_000, 30, 12
#: Characters of a foot.
_MOST_FOOT = 3_000
#: Lines below a name in which its place stands.
_BLOCK = 6
#: Characters of blank at the head of a line from which on it belongs to the right column.
_INDENT = 12
_CELL = re.compile(r"[^\s\f]+(?: {1,2}[^\s\f]+)*")
#: Between the parts of the one line of a sender.
_PARTS = re.compile(r"\s?[·•|–—*]\s?|\s-\s|, ")
#: A town with its code: before it, or as Britain, Ireland and the United States have it behind.
_PLACE = re.compile(
    r"^(?:[A-Z]{1,3}[- ])?\d{4,5} (?:[A-Z]{2} )?[^\W\d_]{2}|[^\W\d_],? (?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|"
    r"[A-Z]\d[\dW] [A-Z\d]{4}|[A-Z]{2} \d{5}(?:-\d{4})?)$"
)
#: Where things go to, which says nobody's name.
_DELIVERY = re.compile(
    r"liefer(?:ung|ad|an|ort)|ship(?:ped)? to|deliver(?:y|ed)? (?:to|ad)|(?:adresse de )?livr(?:é|aison)|entrega|envío|"
    r"consegna|(?:af)?lever(?:ing|ans|ad)|bezorg|dostaw",
    re.I,
)
_ADDRESSED = re.compile(rf"{SALUTATION}(?:\W*$|\s(?=(?-i:[A-ZÀ-Þ])))", re.I)
_DOMAIN = re.compile(r"(?:@|www\.|https?://)([\w.-]{4,80})", re.I)
_ACCOUNT = re.compile(r"\b(?:iban|bic|konto(?:inhaber)?)\b", re.I)
_PLAIN_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
#: What signs of a sender weigh: beside his name, or that it stands higher; his name in the foot or in a domain; and
#: that the other one is addressed.
_BESIDE, _NAMED_AGAIN, _OTHER_ADDRESSED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Letter:
    """Who gets it; who sends it and his address, unless he stands where the head of any paper has him."""

    recipient: Field
    sender: Field | None = None
    address: Field | None = None


@dataclass(frozen=True, slots=True)
class _Cell:
    start: int
    words: str


@dataclass(frozen=True, slots=True)
class _Party:
    """A name above an address."""

    name: _Cell
    below: Sequence[_Cell]
    #: With words such as Herrn before the name.
    is_addressed: bool


def find_letter(text: str, first_amount: int) -> Letter | None:
    """Who writes to whom, by the sender's line above the block, or by signs of the sender in the right of two blocks.

    Args:
        text: of an invoice.
        first_amount: where the first amount stands; the head ends before it, and the foot is behind it.
    """
    left, right = _columns(text[: min(first_amount, _MOST_HEAD)].split("\f", 1)[0])
    line = next((at for at, cell in enumerate(left[:_BLOCK]) if cell.words and _is_sender_line(cell.words)), None)
    letter = _below_line(left[line], left[line + 1 :]) if line is not None else None
    if letter is not None:
        return letter
    to, by = next(_parties(left), None), next(_parties(right), None)
    if to is None or by is None:
        return _below_sender(text, first_amount, list(itertools.islice(_parties(left), 2)))
    if are_alike(to.name.words, by.name.words):
        return None
    again = _named_again(text, first_amount)
    # Who stands higher at the right has his paper there, and the window below it.
    for_right = _weight(by, again) + _OTHER_ADDRESSED * to.is_addressed + _BESIDE * (by.name.start < to.name.start)
    for_left = _weight(to, again) + _OTHER_ADDRESSED * by.is_addressed
    if for_right == for_left:
        return None
    if for_left > for_right:
        return Letter(recipient=_field("party", by.name, "the right block, and the left has signs of a sender"))
    return Letter(
        sender=_field("company", by.name, "the right block of a letter, with signs of a sender"),
        recipient=_field("party", to.name, "the left block of a letter"),
        address=address_of([(cell.start, cell.words) for cell in by.below]),
    )


def _below_sender(text: str, first_amount: int, blocks: Sequence[_Party]) -> Letter | None:
    """The letter whose upper one of two blocks has more signs of a sender."""
    if len(blocks) < 2 or are_alike(blocks[0].name.words, blocks[1].name.words):
        return None
    again = _named_again(text, first_amount)
    if _weight(blocks[0], again) <= _weight(blocks[1], again):
        return None
    return Letter(recipient=_field("party", blocks[1].name, "the block below one with signs of a sender"))


def _below_line(line: _Cell, below: Sequence[_Cell]) -> Letter | None:
    """The letter whose sender stands in one line above the block of the recipient."""
    to, name = next(_parties(below), None), _PARTS.split(line.words, maxsplit=1)[0]
    if to is None or are_alike(to.name.words, name):
        return None
    parted = _PARTS.match(line.words, len(name))
    begins = parted.end() if parted is not None else len(name)
    numbers = NUMBERS.search(line.words, begins) or REACHED.search(line.words, begins)
    rest = line.words[begins : numbers.start() if numbers is not None else None].rstrip(" ·•|–—*,-")
    return Letter(
        sender=_field("company", _Cell(line.start, name), "the line of the sender above the recipient"),
        recipient=_field("party", to.name, "the block below the line of the sender"),
        address=address_of([(line.start + begins, rest)]),
    )


def _is_sender_line(words: str) -> bool:
    """Whether a line is a name with its address: Falk KG · Hauptstr. 4 · 70176 Stuttgart."""
    name, *rest = _PARTS.split(words)
    return len(rest) > 1 and is_name(name) and any(map(_PLACE.search, rest)) and is_address(" ".join(rest[:-1]))


def _columns(head: str) -> tuple[list[_Cell], list[_Cell]]:
    """What stands left and right at the head, down to the first table; an empty line parts blocks in both."""
    left: list[_Cell] = []
    right: list[_Cell] = []
    start = 0
    for line in head.split("\n", _MOST_LINES)[:_MOST_LINES]:
        cells = [_Cell(start + match.start(), match[0]) for match in _CELL.finditer(line)]
        if cells and find_head(line) is not None:
            break
        if not cells:
            left.append(_Cell(start, ""))
            right.append(_Cell(start, ""))
        else:
            indent = line[: cells[0].start - start]
            is_right = "\t" in indent or len(indent) >= _INDENT
            if not is_right:
                left.append(cells[0])
            if is_right or len(cells) > 1:
                right.append(cells[-1])
        start += len(line) + 1
    return left, right


def _blocks(cells: Sequence[_Cell]) -> Iterator[list[_Cell]]:
    block: list[_Cell] = []
    for cell in (*cells, _Cell(0, "")):
        if cell.words:
            block.append(cell)
        elif block:
            yield block
            block = []


def _parties(cells: Sequence[_Cell]) -> Iterator[_Party]:
    """The names of a column that stand above an address of their own."""
    for block in _blocks(cells):
        is_addressed = False
        for at, cell in enumerate(block):
            if _DELIVERY.match(cell.words):
                break
            addressed = _ADDRESSED.match(cell.words)
            is_addressed = is_addressed or addressed is not None
            begins = addressed.end() if addressed is not None else 0
            name = _Cell(cell.start + begins, cell.words[begins:])
            if not is_name(name.words) or is_address(name.words):
                continue
            below = block[at + 1 : at + 1 + _BLOCK]
            if any(_PLACE.search(each.words) for each in below):
                is_addressed = is_addressed or any(_ADDRESSED.match(each.words) for each in below)
                yield _Party(name=name, below=below, is_addressed=is_addressed)
            break


def _weight(party: _Party, again: str) -> int:
    """How much speaks for a sender: his numbers beside his name, and his name in the foot or in a domain."""
    beside = [cell.words for cell in party.below]
    signs = [any(map(NUMBERS.search, beside)), any(map(REACHED.search, beside))]
    # A town in a name says nothing: banks and senders have it, too.
    towns = " ".join(words for words in beside if _PLACE.search(words)).lower()
    words = {word for word in name_words(party.name.words) if word not in towns}
    return _BESIDE * sum(signs) + _NAMED_AGAIN * any(word.translate(_PLAIN_UMLAUTS) in again for word in words)


def _named_again(text: str, first_amount: int) -> str:
    """The domains of the text, and the lines of its foot with accounts, numbers or ways to reach somebody."""
    foot = text[max(first_amount, len(text) - _MOST_FOOT) :].split("\n")[-_FOOT_LINES:]
    lines = [line for line in foot if any(words.search(line) for words in (NUMBERS, REACHED, _ACCOUNT))]
    domains = _DOMAIN.findall(text[:_MOST_HEAD]) + _DOMAIN.findall(text[-_MOST_FOOT:])
    return "\n".join((*lines, *domains)).lower().translate(_PLAIN_UMLAUTS)


def _field(kind: str, cell: _Cell, reason: str) -> Field:
    name = cell.words.strip(" ,")
    start = cell.start + cell.words.index(name)
    return Field(kind=kind, value=name, start=start, end=start + len(name), confidence=0.8, reason=reason)
