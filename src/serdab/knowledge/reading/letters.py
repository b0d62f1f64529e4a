"""Letters with places to words, for pages on which the library parts letters that touch.

PDFium takes a short page with much room for one that is written downwards; where its text stands side by side, each
letter becomes a line. Browsers print such pages every day.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from serdab.knowledge.reading.layout import Word

#: In heights of a line: gap up to which letters are of one word, for a narrow space has more; how far letters of one
#: line stand above each other.
_TOUCH = 0.1
#: Of scripts whose boxes are often no wider than the ink: Hebrew to Myanmar.
_TOUCH_INK, _INK = 0.15, ("\u0590", "\u1100")
_LEVEL = 0.1
_NUMBER_SIGNS = frozenset(".,:/-")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A character and its place in points, y upwards; the box of some fonts is no higher than the sign."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    baseline: float


def are_one_word(before: Word, after: Word) -> bool:
    """Whether two words stand on one line without a space between."""
    height = min(before.top - before.bottom, after.top - after.bottom)
    gap = min(abs(after.left - before.right), abs(before.left - after.right))
    return abs(before.middle - after.middle) <= 0.5 * height and gap <= _TOUCH * height


def words_of(letters: Iterable[Letter]) -> list[Word]:
    """Words of letters, spaces among them, each in the order of reading."""
    return [word for row in _rows_of(letters) for word in _words_of_row(row)]


def _rows_of(letters: Iterable[Letter]) -> list[list[Letter]]:
    rows: list[list[Letter]] = []
    for letter in sorted(letters, key=lambda each: -each.baseline):
        if rows and rows[-1][0].baseline - letter.baseline <= _LEVEL * (rows[-1][0].top - rows[-1][0].bottom):
            rows[-1].append(letter)
        else:
            rows.append([letter])
    return rows


def _words_of_row(row: list[Letter]) -> Iterator[Word]:
    bottom, top = min(letter.bottom for letter in row), max(letter.top for letter in row)
    for letters in _parted(sorted(row, key=lambda each: each.left), top - bottom):
        text = "".join(letter.text for letter in _in_order(letters))
        right = max(letter.right for letter in letters)
        yield Word(text=text, left=letters[0].left, bottom=bottom, right=right, top=top)


def _parted(row: list[Letter], height: float) -> Iterator[list[Letter]]:
    """The letters of each word."""
    word: list[Letter] = []
    for letter in row:
        is_ink = word and all(_INK[0] <= each.text < _INK[1] for each in (word[-1], letter))
        least = _TOUCH_INK if is_ink else _TOUCH
        if word and (letter.text.isspace() or letter.left - word[-1].right > least * height):
            yield word
            word = []
        if not letter.text.isspace() and not _is_again(letter, word[-3:]):
            word.append(letter)
    if word:
        yield word


def _is_again(letter: Letter, before: list[Letter]) -> bool:
    """Whether a letter stands over itself: painted twice to be bold, or told again for a mark above it."""
    middle = (letter.left + letter.right) / 2
    return any(each.text == letter.text for each in before) and middle < max(each.right for each in before)


def _in_order(letters: list[Letter]) -> list[Letter]:
    """Letters that stand from left to right as they are read: numbers within right-to-left script stay as they are."""
    if not any(map(_is_right_to_left, letters)):
        return letters
    ordered: list[Letter] = []
    # What one glyph shows stands in one place and was written in order.
    backwards = sorted(letters, key=lambda each: -each.right)
    for is_number, run in groupby(backwards, lambda each: each.text.isdigit() or each.text in _NUMBER_SIGNS):
        letters = list(run)
        ordered += letters[::-1] if is_number else letters
    return ordered


def _is_right_to_left(letter: Letter) -> bool:
    return unicodedata.bidirectional(letter.text) in ("R", "AL")
