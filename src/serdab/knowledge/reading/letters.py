"""Letters with places to words, for pages on which the library's own words are not to be trusted.

PDFium takes a short page with much room for one that is written downwards; where its text stands side by side, each
letter becomes a line. Browsers print such pages every day. Of right-to-left script it guesses the order of letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from serdab.knowledge.reading.layout import Word

#: In heights of a line: gap up to which letters are of one word, for a narrow space has more; the same where a space is
#: told, whose own place is not to be trusted; how far letters of one line stand above each other.
_TOUCH, _TOUCH_SPACED, _LEVEL = 0.1, 0.03, 0.2
#: Gap within words of scripts whose boxes are often no wider than the ink: Hebrew to Myanmar.
_TOUCH_INK, _INK = 0.15, ("\u0590", "\u1100")
#: Letters and marks of one sign.
_MOST_OF_ONE = 12


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
    """Words of letters, spaces among them; as they stand, from left to right whatever the script."""
    return [word for row in _rows_of(_signs_of(letters)) for word in _words_of_row(row)]


def _signs_of(letters: Iterable[Letter]) -> Iterator[Letter]:
    """Letters that one sign shows, and marks with what they stand on, as one; from left to right."""
    before: Letter | None = None
    for letter in letters:
        if before is None or len(before.text) == _MOST_OF_ONE or not _are_one(before, letter):
            if before is not None:
                yield before
            before = letter
            continue
        is_leftwards = _is_mark_on(before, letter) and unicodedata.bidirectional(before.text[0]) in ("R", "AL")
        text = letter.text + before.text if is_leftwards else before.text + letter.text
        left, right = min(before.left, letter.left), max(before.right, letter.right)
        before = msgspec.structs.replace(before, text=text, left=left, right=right)
    if before is not None:
        yield before


def _are_one(before: Letter, letter: Letter) -> bool:
    return _is_mark_on(before, letter) or _is_in_place_of(before, letter)


def _is_mark_on(before: Letter, letter: Letter) -> bool:
    is_over = letter.left <= before.right and before.left <= letter.right
    return is_over and unicodedata.combining(letter.text) != 0


def _is_in_place_of(before: Letter, letter: Letter) -> bool:
    return (letter.left, letter.right, letter.baseline) == (before.left, before.right, before.baseline)


def _rows_of(letters: Iterable[Letter]) -> list[list[Letter]]:
    """Letters on one level, from above; a mark that a font raises stands in the row of its letters."""
    rows: list[list[Letter]] = []
    height = 0.0
    for baseline, level in groupby(sorted(letters, key=lambda each: -each.baseline), key=lambda each: each.baseline):
        row = list(level)
        own = max(letter.top - letter.bottom for letter in row)
        if rows and rows[-1][0].baseline - baseline <= _LEVEL * max(height, own):
            rows[-1] += row
            height = max(height, own)
        else:
            rows.append(row)
            height = own
    return rows


def _words_of_row(row: list[Letter]) -> Iterator[Word]:
    bottom, top = min(letter.bottom for letter in row), max(letter.top for letter in row)
    for letters in _parted(sorted(row, key=lambda each: each.left), top - bottom):
        text, right = "".join(letter.text for letter in letters), max(letter.right for letter in letters)
        yield Word(text=text, left=letters[0].left, bottom=bottom, right=right, top=top)


def _parted(row: list[Letter], height: float) -> Iterator[list[Letter]]:
    """The letters of each word."""
    word: list[Letter] = []
    is_spaced = False
    for letter in row:
        if letter.text.isspace():
            is_spaced = True
            continue
        if word and letter.left - word[-1].right > height * (_TOUCH_SPACED if is_spaced else _touch(word[-1], letter)):
            yield word
            word = []
        is_spaced = False
        if not _is_again(letter, word[-3:]):
            word.append(letter)
    if word:
        yield word


def _touch(before: Letter, after: Letter) -> float:
    return _TOUCH_INK if any(_INK[0] <= each.text < _INK[1] for each in (before, after)) else _TOUCH


def _is_again(letter: Letter, before: list[Letter]) -> bool:
    """Whether a letter stands over itself: painted twice to be bold, or told again for a mark above it."""
    middle = (letter.left + letter.right) / 2
    return any(each.text == letter.text for each in before) and middle < max(each.right for each in before)
