"""Values behind the words that announce them."""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections.abc import Iterator

from serdab.knowledge.extraction.candidates import Candidates
from serdab.knowledge.extraction.fields import Field
from serdab.knowledge.extraction.identifiers import WRONG_DIGITS
from serdab.knowledge.extraction.letterheads import name_before_address, rest_of_name
from serdab.knowledge.extraction.linear_patterns import compile_linear
from serdab.knowledge.extraction.names import joined_lines
from serdab.knowledge.extraction.schemas import FieldRule, Schema, Words
from serdab.knowledge.extraction.signs import signed
from serdab.knowledge.extraction.totals import names_sum

#: How far behind its words a value may stand, characters.
REACH = 80
#: Longest line that is taken for a head of columns, characters.
MOST_HEAD = 1_000
#: Most places of the words of one field that are looked at.
MOST_PLACES = 200
#: Confidence below which a value is taken only when there is no other.
LEAST_SURE = 0.5
#: Kinds whose value is what stands behind the words, up to the end of the line or cell.
_WRITTEN = frozenset(["text", "party", "address"])
#: Kinds whose form proves them, so that they are sure without words, too.
_PROVED = frozenset(["iban", "vat", "card", "email", "phone"])
_BETWEEN = re.compile(r"[\W_]{0,8}(?:no|nr|núm|num|nº|n|number|nummer|num[eé]ro|número|id)?[\W_]{0,4}", re.I)
#: A number of one digit right behind its words, that is not part of a longer one and not one of several.
_ONE_DIGIT = re.compile(
    r"(?:[^\w\f]{0,8}(?:no|nr|nº|n|num|number|nummer|num[eé]ro|número)(?!\w))?[^\w\n\f]{0,4}(\d)"
    r"(?![\w.]\w|\w|,\d|[^\w\n,]{0,3}\d| ?\n ?\d+ ?(?:\n|$)| (?:of|von|de|di|van|sur|x) \d{1,2} ?(?:[\t\n|),]|$))",
    re.I,
)
#: Whether the words speak of a number. If not, the digit is one only as the last of its cell or before a date.
_OF_ONE = re.compile(
    r"(?:\b(?:no|nr|nº|n|num|num[eé]ro|número)|number|nummer|#|رقم \w{1,10}|رقم|号码?|番号)[^\w\n]{0,4}$", re.I
)
_ENDS_CELL = re.compile(r" ?(?:[\t\n\f|]|  |$)|,? (?:dated|from|vom|v\.|du|del|van) ", re.I)
_REST = re.compile(r"[ ]{0,3}[:：#./\-–]{0,2}[ \t]{0,3}([^\t\n\f|]{1,160})")
#: Words that make of a name for somebody the name of his number: customer no.
_OF_NUMBER = re.compile(r"[ ]{0,2}(?:-?nummer|-?nr|no|n°|nº|number|id|ref|code|#)\b", re.I)
#: What stands in the next column, behind a wide space, and is the name of another field.
_OTHER_LABEL = re.compile(r"[^\t\n\f|:#]{1,30}[:#]")
_COLUMN = re.compile(r" {3,}")
#: The same label in another language: Bill To / فاتورة إلى: and the value.
_AGAIN = re.compile(r" ?/ ?[^\t\n\f:：/\d]{1,30}(?=[:：])")
#: Before words for a tax: what they stand for is not it, but what there is without it, or a total with it.
_WITHOUT = re.compile(
    r"(?:\b(?:tota\w{1,2}|sum\w{0,2}|i alt) (?:incl|inkl)\.?|\b(?:excl|exkl|ekskl|exc|ex|eks|hors|zonder|ohne|sans|"
    r"bez|sem|sin|senza|ut[ae]n|uden|before|without|ilman|"
    r"net of)\.?|قبل|شاملا?|סה[\"״”]כ כולל|לפני|ללא) ?(?:\d{1,2}(?:[.,]\d)? ?% )?$",
    re.I,
)
#: Behind words for a tax that a sum holds: TOTAL (IVA INCLUIDO).
_WITHIN = re.compile(r" ?(?:inclu|compris|compresa|inbegr|inkl)", re.I)
#: Between words for a tax and an amount, which is the one that is taxed: MwSt 19% Netto 34,87 Steuer 6,63.
_NET = re.compile(r"\b(?:net(?:t?o)?|ht|base|imponibile)\b", re.I)
#: Before words for a number: what they announce is that of another paper, which this one corrects or speaks of.
_OF_ANOTHER = re.compile(
    r"(?:\(|\b(?:original|initial|corrected|cancelled|credited|against|for|to|on|re|your|previous|ursprüngliche\w{0,2}|"
    r"urspr\.|stornierte\w{0,2}|zu|zur|betreff|betr\.|bezug:?|sur|à|concernant|annule|ref\.?|"
    r"réf\.?|rif\.?|riferimento|storno|betreft|bij|op|inzake|sobre|anula|rectifica|avser|"
    r"gælder|vedrørende|angående|deposit|acompte|acconto|anticipo|a)"
    r"[ :]{0,2}(?:(?:la|the|our|your|unserer?|ihrer|die|der|de|onze|vår|din|alla|tax|vat|"
    r"original|sales) ){0,2})$",
    re.I,
)
_MOST_BEFORE = 40
#: What stands in a line: its cells, or where only single spaces part them its words, 14 % as one.
_CELL, _WORD = re.compile(r"[^\s|](?:[^\t|\n ]| (?! )){0,200}"), re.compile(r"\S+(?: ?%)?")
#: A number with its series, as Portugal has them: FT 2025/331.
_SERIES = re.compile(r"[^\w\n]{1,4}([A-Z]{2,3} [A-Z0-9]{1,8}/\d{1,8})(?![\w/])")
#: A number of two parts, each of which may also stand alone: Nr. 2 / 2024-31.
_PARTED = re.compile(
    r"[^\w\n]{0,3}(?:(?:no|nr|n|nº|n°|number|nummer|numéro|número|numero)\b[.:°]{0,2} ?)?"
    r"(\d{1,6} / (?:(?:19|20)\d\d(?:-\d{1,6})?|\d\d-\d{1,6}))(?![\w/]|[.,-]\d)",
    re.I,
)
#: A word between two amounts: the second is the value of that word.
_OTHER_WORD = re.compile(r"[^\W\d_]{4,}")
_CELL_BEGINS, _CELL_ENDS = re.compile(r"(?:^|[\t\n\f|]|  )[ #]?$"), re.compile(r" ?(?:[\t\n\f|]|  |$)")
_IS_LABEL = re.compile(r" ?[:：]|\t")
#: The first cell of the next line, where nothing stands behind a place.
_BELOW = re.compile(r" ?\n[ \t]{0,40}([^\t\n\f|]{1,160})")
_COLONS = (":", "：")
#: How words for a number end in the languages that write compounds as one word.
_COMPOUNDS = (" nr", " nro")
_NEXT_LINE = re.compile(r"[ ]{0,3}[:：]?[ \t]{0,3}\n[ \t]{0,3}([^\t\n\f|]{1,160})")


def find_announced(rule: FieldRule, candidates: Candidates, schema: Schema) -> list[Field]:
    """The values of a field: by its own pattern, else behind its words, else, if it may, from anywhere; best first.

    Args:
        rule: of the field.
        candidates: of the text.
        schema: whose field it is: where the longer words of another stand, date due, the shorter ones say nothing.
    """
    found = list(_by_pattern(rule, candidates.text)) if rule.pattern else list(_behind_words(rule, candidates, schema))
    if not found and rule.anywhere:
        share = 0.97 if rule.kind in _PROVED else 0.8
        found = [_as(rule, each, each.confidence * share, each.reason) for each in candidates.of_kind(rule.kind)]
        # Without words the first of its kind is taken: what a paper is about stands at its head.
        return sorted(found, key=lambda field: (field.confidence < LEAST_SURE, field.start))
    return sorted(found, key=lambda field: (0.0 if rule.first else -round(field.confidence, 2), field.start))


def _by_pattern(rule: FieldRule, text: str) -> Iterator[Field]:
    pattern = compile_linear(rule.pattern)
    group = 1 if pattern.groups else 0
    for count, match in enumerate(pattern.finditer(text)):
        if count >= MOST_PLACES:
            return
        if match[group]:
            yield _at(rule, match.start(group), match[group], 0.9, "the pattern of the schema")


def words_pattern(words: Words) -> re.Pattern[str] | None:
    """All words of all languages as one pattern, the longest first; None when there are none."""
    listed = tuple(word for group in words.values() for word in group if word)
    return _compiled(listed) if listed else None


@functools.lru_cache(maxsize=1024)
def _compiled(listed: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for word in sorted(set(listed), key=lambda word: (-len(word), word)):
        escaped = r"[ \u00a0]{1,2}".join(re.escape(part) for part in word.split())
        # What is called a number may end a longer word: Provisionsgutschrift Nr.
        is_whole = word[0].isascii() and word[0].isalnum() and not word.endswith(_COMPOUNDS)
        head = r"(?<!\w)" if is_whole else ""
        tail = r"(?!\w)" if word[-1].isascii() and word[-1].isalnum() else ""
        parts.append(f"{head}{escaped}{tail}")
    return re.compile("|".join(parts), re.I)


@functools.lru_cache(maxsize=1024)
def _longer_words(schema: Schema, name: str) -> re.Pattern[str] | None:
    """The words of the other fields that begin with a word of this one."""
    by_name = {rule.name: [word.lower() for group in rule.words.values() for word in group] for rule in schema.fields}
    heads = tuple(f"{word} " for word in by_name.pop(name))
    return words_pattern({"any": [word for words in by_name.values() for word in words if word.startswith(heads)]})


def _behind_words(rule: FieldRule, candidates: Candidates, schema: Schema) -> Iterator[Field]:
    pattern = words_pattern(rule.words)
    if pattern is None:
        return
    rank = {word.lower(): place for group in rule.words.values() for place, word in enumerate(group)}
    text = candidates.text
    longer = _longer_words(schema, rule.name)
    for count, match in enumerate(pattern.finditer(text)):
        if count >= MOST_PLACES:
            return
        if longer is not None and (other := longer.match(text, match.start())) and other.end() > match.end():
            continue
        if rule.kind == "money" and _is_of_sum(text, match):
            continue
        # The first of the words of a language says most, and a colon that this is a label.
        place = rank.get(" ".join(match[0].lower().split()), 0)
        sure = (
            0.93 - 0.02 * min(place, 5) - (0.0 if text[match.end() : match.end() + 3].lstrip()[:1] in ":：#" else 0.03)
        )
        sure -= 0.0 if _begins_line(text, match.start()) else 0.04
        if rule.kind == "id":
            if match[0].endswith(_COLONS) and not _begins_line(text, match.start()):
                continue  # Only alone is "number:" that of the paper: customer number:.
            sure -= _doubt_of_number(text, match)
        if rule.kind in _WRITTEN:
            yield from _written(rule, text, match, sure, schema)
        else:
            yield from _typed(rule, candidates, match, sure)


def _is_of_sum(text: str, match: re.Match[str]) -> bool:
    """Whether words for a tax only say what a sum is without it, or with it."""
    start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - _MOST_BEFORE)
    if _WITHIN.match(text, match.end()) and names_sum(text[start : match.start()]):
        return True
    return _WITHOUT.search(text, max(match.start() - 16, 0), match.start()) is not None


def _doubt_of_number(text: str, match: re.Match[str]) -> float:
    """What makes a number less sure: it is called nothing but a number, or the words speak of another paper."""
    line = text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - _MOST_BEFORE) : match.start()]
    return 0.2 if _OF_ANOTHER.search(line) else 0.06 if match[0].endswith(_COLONS) else 0.0


def _begins_line(text: str, start: int) -> bool:
    return not text[max(start - 2, 0) : start].strip(" ") or text[start - 1] in "\n\t\f|"


def _written(rule: FieldRule, text: str, match: re.Match[str], sure: float, schema: Schema) -> Iterator[Field]:
    if rule.kind == "party" and not _announces_party(rule, text, match):
        return
    if rule.kind == "party" and (cell := _below_beside(text, match, schema)) is not None:
        yield _at(rule, cell[0], text[cell[0] : cell[1]], sure - 0.1, f"below the words {match[0]!r}")
        return
    again = _AGAIN.match(text, match.end())
    rest = _REST.match(text, again.end() if again is not None else match.end())
    is_next_column = rest is not None and rest[1].startswith("  ") and _OTHER_LABEL.match(rest[1].lstrip()) is not None
    if rest is None or is_next_column or not rest[1].strip(" :：.-#"):
        end = text.find("\n", match.end()) if is_next_column else match.end()
        rest, sure = _NEXT_LINE.match(text, end if end >= 0 else len(text)), sure - 0.05
    if rest is not None and rest[1].strip():
        written = rest[1].rstrip()
        start = rest.start(1) + len(written) - len(written.lstrip())
        name = _own_name(rule, written.strip())
        if rule.kind == "party":
            if not any(map(str.isalpha, name)):
                return  # Kunde 4711
            name = _with_rest(text, start, name)
        yield _at(rule, start, name, sure - 0.1, f"behind the words {match[0]!r}")


def _announces_party(rule: FieldRule, text: str, match: re.Match[str]) -> bool:
    """Whether words stand as a label: at the head of a line or before a colon, and not before a number of their own."""
    if _OF_NUMBER.match(text, match.end()):
        return False
    is_label = _IS_LABEL.match(text, match.end()) is not None
    return _begins_line(text, match.start()) if rule.finder != "company" or is_label else False


def _with_rest(text: str, start: int, name: str) -> str:
    """A name with what the next line adds to it, which stands below it, or at the head of its line."""
    end = start + len(name)
    following = _BELOW.match(text, end)
    rest = rest_of_name(name, following[1].rstrip()) if following is not None else ""
    return text[start : following.start(1) + len(rest)] if following is not None and rest else name


def _own_name(rule: FieldRule, written: str) -> str:
    own = _COLUMN.split(written)[0]
    return name_before_address(own) if rule.kind == "party" else own


def _typed(rule: FieldRule, candidates: Candidates, match: re.Match[str], sure: float) -> Iterator[Field]:
    """The first value of the kind in the rest of the line, or the last for money; else in the next line."""
    text, fields = candidates.text, candidates.of_kind(rule.kind)
    line_end = text.find("\n", match.end())
    line_end = len(text) if line_end < 0 else line_end
    first = bisect.bisect_left(fields, match.end(), key=lambda field: field.start)
    here = [field for field in fields[first : first + 20] if field.start < min(line_end, match.end() + REACH)]
    if rule.kind == "id":  # a number that another word parts from this one belongs to that one
        here = [field for field in here if _BETWEEN.fullmatch(text, match.end(), field.start)][:1]
        here = list(_series(text, match.end())) or here or list(_one_digit(candidates.plain, match))
    if rule.finder == "tax" and len(here) > 1 and _NET.search(text, match.end(), here[0].start):
        here = here[1:]
    if here:
        # Behind a net its tax and the total may stand: Net 100.00 VAT 20.00 Total 120.00.
        is_last = rule.kind == "money" and rule.finder != "net"
        found = _last_of_one(text, here) if is_last else here[0]
        found = signed(text, found) if rule.kind == "money" else found
        yield _as(rule, found, sure * (0.5 + found.confidence / 2), _why(found, f"behind the words {match[0]!r}"))
        return
    if rule.kind != "money" and (under := _in_column(text, match, fields)) is not None:
        yield _as(
            rule, under, (sure - 0.05) * (0.5 + under.confidence / 2), _why(under, f"below the words {match[0]!r}")
        )
        return
    if text[match.end() : line_end].strip(" :：.-#\t"):
        return
    following = [field for field in fields[first : first + 5] if field.start <= line_end + REACH]
    if rule.kind == "id" and following and not _is_of_paper(text, match.end(), following[0]):
        return
    if following and text.count("\n", line_end, following[0].start) <= 2:
        below = _below(text, match, following) if rule.kind == "money" else following[0]
        if below is None:
            return
        sure = (sure - 0.08) * (0.5 + below.confidence / 2)
        yield _as(rule, below, sure, _why(below, f"below the words {match[0]!r}"))


def _series(text: str, start: int) -> Iterator[Field]:
    match = _SERIES.match(text, start) or _PARTED.match(text, start)
    if match is not None:
        value, (start, end) = match[1].replace(" / ", "/"), match.span(1)
        yield Field(kind="id", value=value, start=start, end=end, confidence=0.8, reason="a series and a number")


def _below(text: str, words: re.Match[str], following: list[Field]) -> Field | None:
    """The amount in the column of the words, where the line below has as many; else the first. None: it has none."""
    first = following[0].start
    for parts in (_CELL, _WORD):
        heads, cells = _parts_of_line(parts, text, words.start()), _parts_of_line(parts, text, first)
        held = [[each for each in following if start <= each.start < end] for start, end in cells]
        if len(heads) == len(cells) and sum(map(bool, held)) > 1:
            column = next(place for place, (_, end) in enumerate(heads) if words.start() < end)
            return next(iter(held[column]), None)
    return following[0]


def _below_beside(text: str, words: re.Match[str], schema: Schema) -> tuple[int, int] | None:
    """Where the cell below a label stands that has but labels beside it: From, Bill to, Ship to:; None: no such."""
    heads = _parts_of_line(_CELL, text, words.start())
    if len(heads) < 2 or "\t" not in text[heads[0][0] : heads[-1][1]]:
        return None
    parties = words_pattern(
        {
            rule.name: [each for some in rule.words.values() for each in some]
            for rule in schema.fields
            if rule.kind == "party"
        }
    )
    written = [text[start:end] for start, end in heads]
    if parties is None or any(not head.endswith(":") and parties.fullmatch(head.rstrip()) is None for head in written):
        return None
    return _cell_below(text, words)


def _cell_below(text: str, words: re.Match[str]) -> tuple[int, int] | None:
    """Where the cell below words stands, if the next line has as many cells as theirs."""
    line_end = text.find("\n", words.end())
    if line_end < 0:
        return None
    heads, cells = _parts_of_line(_CELL, text, words.start()), _parts_of_line(_CELL, text, line_end + 1)
    if not heads or len(heads) != len(cells):
        return None
    return cells[next(at for at, (_, end) in enumerate(heads) if words.start() < end)]


def _in_column(text: str, words: re.Match[str], fields: list[Field]) -> Field | None:
    """The value in the cell below words that head a column; None: there is none."""
    line_end = text.find("\n", words.end())
    cell = _cell_below(text, words) if "\t" in text[max(words.start() - 1, 0) : line_end] else None
    if cell is None:
        return None
    first = bisect.bisect_left(fields, cell[0], key=lambda field: field.start)
    under = next((each for each in fields[first : first + 1] if each.start < cell[1]), None)
    # A number with words before it in its cell is what they say: Date: 12/06/2024.
    return under if under is None or under.kind != "id" or _fills_cell(text, under) else None


def _parts_of_line(parts: re.Pattern[str], text: str, place: int) -> list[tuple[int, int]]:
    """Where the cells or words of a line begin and end; of one that is too long for a head of columns, none."""
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    end = end if end >= 0 else len(text)
    return [match.span() for match in parts.finditer(text, start, end)] if end - start <= MOST_HEAD else []


def _one_digit(plain: str, words: re.Match[str]) -> Iterator[Field]:
    """The digit right behind words; others than a paper's number stand there, too: Invoice 1 of 2, 3 copies."""
    match = _ONE_DIGIT.match(plain, words.end())
    if match is None:
        return
    start, end = match.span(1)
    between = plain[words.end() : start]
    is_called = _OF_ONE.search(plain[words.start() : start]) and ("\n" not in between or ":" in between)
    if is_called or _ENDS_CELL.match(plain, end):
        yield Field(kind="id", value=match[1], start=start, end=end, confidence=0.7, reason="one digit")


def _why(found: Field, told: str) -> str:
    """What is told of a value: that its digits are wrong says more than where it stands."""
    return found.reason if found.reason.endswith(WRONG_DIGITS) else told


def _is_of_paper(text: str, end: int, found: Field) -> bool:
    """Whether a number below its words is that of the paper, and not of a house: alone in its cell, or behind no.:."""
    between = text[end : found.start]
    is_called = _BETWEEN.fullmatch(between) and _OF_ONE.search(between) and re.search("[:：]", between)
    return bool(is_called) or _fills_cell(text, found)


def _fills_cell(text: str, found: Field) -> bool:
    before, behind = text[max(found.start - 40, 0) : found.start], text[found.end : found.end + 40]
    return _CELL_BEGINS.search(before) is not None and _CELL_ENDS.match(behind) is not None


def _last_of_one(text: str, amounts: list[Field]) -> Field:
    """The last of the amounts before the next word: `VAT on 198.00 39.60` but not `VAT 0.35 gross 2.20`."""
    pairs = itertools.pairwise(amounts)
    return next((one for one, other in pairs if _OTHER_WORD.search(text, one.end, other.start)), amounts[-1])


def _at(rule: FieldRule, start: int, written: str, confidence: float, reason: str) -> Field:
    value = joined_lines(written)
    return Field(
        kind=rule.kind, value=value, start=start, end=start + len(written), confidence=confidence, reason=reason
    )


def _as(rule: FieldRule, found: Field, confidence: float, reason: str) -> Field:
    return Field(
        kind=rule.kind, value=found.value, start=found.start, end=found.end,
        confidence=round(min(confidence, 0.99), 4), reason=reason,
    )  # fmt: skip
