"""Words for full text search, in any language: folded the same way when stored and when asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

#: Longest word that is kept, characters.
MOST_LETTERS = 64
#: Words of a document by which similar ones are looked for.
MOST_DISTINCTIVE = 6
#: Words of a question that are looked for.
MOST_ASKED = 24
_LEAST_LETTERS = 4
#: PostgreSQL's Snowball stemmers, for the languages whose words folding leaves whole; an older server has fewer. That
#: for Arabic leaves "شركا" of "شركات" and takes the first letter of "فواتير" for a conjunction: see `light_stem`.
STEMMERS = {
    "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "fi": "finnish", "fr": "french", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip

#: A run of letters and digits.
WORD = re.compile(r"[^\W_]+")
_SIGNS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
# Marks and letters that writers of Arabic set or leave out as they like.
_ARABIC_DROPPED = dict.fromkeys([0x0640, *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06EE)])
_ARABIC_FOLDED = str.maketrans("أإآٱىةؤئیک", "ااااي\u0647ويي\u0643")
_ARTICLE = re.compile(r"^(?:و|ف)?(?:ال|لل|بال|كال)(?=[\u0621-\u064a]{3})")
_ARABIC = re.compile(r"[\u0621-\u064a]+")
_ARABIC_ENDINGS = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
_ROOT_LETTERS = 3
_HEBREW = re.compile(r"[\u05d0-\u05ea]+")
#: "And", "the", "in", "to" before a word; "from", "that", "as" only before "the": many words begin with their letters.
_HEBREW_BEFORE = re.compile(r"ו?(?:[שמכ](?=ה))?[הבל]?(?=[\u05d0-\u05ea]{3})")
_HEBREW_ENDINGS = ("יות", "ית", "ים", "ות", "ה")
_HEBREW_FINALS = str.maketrans("ךםןףץ", "כמנפצ")
#: Letters that stay apart when case and marks are gone, by what people without them on their keyboard type; the last
#: forms of Urdu and Kurdish by those of Arabic; the digits of every script.
_PLAIN_LETTERS = {
    "ı": "i", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l", "ŧ": "t", "ŋ": "n", "ə": "e", "æ": "ae", "œ": "oe",
    "þ": "th", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y", "ھ": "ه", "ہ": "ه", "ە": "ه", "ۃ": "ه", "ے": "ي", "ں": "ن",
}  # fmt: skip
_DIGITS = {chr(code): str(unicodedata.decimal(chr(code))) for code in range(0x80, 0x10000) if chr(code).isdecimal()}
_PLAIN = str.maketrans(_PLAIN_LETTERS | _DIGITS)
_NOT_PLAIN = re.compile(f"[{''.join(map(chr, _PLAIN))}]")


def words_of(text: str) -> Iterator[str]:
    """The words of a text, folded: case, accents, Arabic vowel marks and articles are gone; signs come in pairs."""
    if text.isascii():  # Nothing to decompose: several times as fast.
        yield from (word[:MOST_LETTERS] for word in WORD.findall(text.lower()))
        return
    folded = unicodedata.normalize("NFKD", text).casefold()
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    folded = folded.translate(_ARABIC_DROPPED).translate(_ARABIC_FOLDED)
    # Decomposed hangul is put together again, or each letter would be a word of its own.
    for match in WORD.finditer(unicodedata.normalize("NFC", folded)):
        word = match[0]
        if not word.isascii():
            word = _ARTICLE.sub("", word)
            if _SIGNS.search(word):
                yield from _pairs(word)
                continue
        yield word[:MOST_LETTERS]


def fold(text: str) -> str:
    """The words of a text with spaces between them: what the database is given."""
    return " ".join(words_of(text))


def plain_form(word: str) -> str:
    """A folded word, or several, as people type it who do not have its letters: ısparta is isparta, ١٢٣ is 123."""
    return word.translate(_PLAIN) if _NOT_PLAIN.search(word) else word


def light_stem(word: str) -> str:
    """A folded Arabic or Hebrew word without "and" or the like before it and without its endings, else itself.

    For Arabic it is Larkey's light stemming (light10). Three letters stay: most roots have as many.
    """
    if not _ARABIC.fullmatch(word):
        return _light_hebrew_stem(word) if _HEBREW.fullmatch(word) else word
    word = word[1:] if word[0] == "و" and len(word) > _ROOT_LETTERS else word
    for ending in _ARABIC_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _ROOT_LETTERS:
            word = word[: -len(ending)]
    return word


def _light_hebrew_stem(word: str) -> str:
    before = _HEBREW_BEFORE.match(word)
    word = word[before.end() :] if before is not None else word
    for ending in _HEBREW_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _ROOT_LETTERS:
            word = word[: -len(ending)]
            break
    return word.translate(_HEBREW_FINALS)


def more_words(folded: str) -> str:
    """What full text search is given beside the folded words: plain forms, light stems, and the last sign of each run.

    With that sign every sign of the text begins a word, so that a single one can be asked for.
    """
    if folded.isascii():
        return ""
    words = folded.split(" ")
    ends = [
        word[1]
        for word, after in zip(words, [*words[1:], ""], strict=True)
        if len(word) > 1 and _SIGNS.fullmatch(word) and not after.startswith(word[1])
    ]
    plain, known = plain_form(folded), set(words)
    others = [] if plain == folded else [form for form in plain.split(" ") if form not in known]
    return " ".join([*others, *(stem for word in words if (stem := light_stem(word)) != word), *ends])


def has_signs(text: str) -> bool:
    """Whether signs of a language without spaces are in it."""
    return _SIGNS.search(text) is not None


def is_sign(word: str) -> bool:
    """Whether it is one sign of a language without spaces."""
    return len(word) == 1 and _SIGNS.match(word) is not None


def asked_words(question: str) -> list[str]:
    """The words of a question that are looked for, each once."""
    return list(dict.fromkeys(words_of(question)))[:MOST_ASKED]


def forms_of(words: Sequence[str], stems: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Each word with its plain form and what it is reduced to, where that is something else."""
    return [list(dict.fromkeys([word, plain_form(word), *stems.get(word, ())])) for word in words]


def any_of(forms: Sequence[str]) -> str:
    """A term of full text search: any form of a word."""
    return " | ".join(map(_term, forms))


def distinctive_words(text: str, share: Callable[[str], float]) -> list[str]:
    """The words by which a document can be told: the rarest, of these numbers and ids first, then the longest.

    Args:
        text: what the documents are to be like.
        share: how common a word is.
    """
    found = [word for word in dict.fromkeys(words_of(text)) if len(word) >= _LEAST_LETTERS or not word.isascii()]
    found.sort(key=lambda word: (share(word), not any(map(str.isdigit, word)), -len(word)))
    return found[:MOST_DISTINCTIVE]


def _term(form: str) -> str:
    """A single sign is asked for as the beginning of a pair."""
    return f"{form}:*" if is_sign(form) else form


def _pairs(word: str) -> Iterator[str]:
    """Languages without spaces: a run of signs becomes its overlapping pairs, what stands between stays whole."""
    end = 0
    for run in _SIGNS.finditer(word):
        if run.start() > end:
            yield word[end : run.start()][:MOST_LETTERS]
        signs = run[0]
        yield from (signs[at : at + 2] for at in range(max(1, len(signs) - 1)))
        end = run.end()
    if end < len(word):
        yield word[end:][:MOST_LETTERS]
