"""Text in one form: the same characters for the same words, and nothing that only a machine would see."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x85\u2028\u2029]")
_SPACES = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_BLANK_LINES = re.compile(r"\n{3,}")
#: Soft hyphens, zero-width spaces and marks of direction; joiners stay, because Persian and Indic words need them.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})

#: Characters that are looked at to tell the language.
SAMPLE = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalText:
    """Text in normal form, with its language as two letters, "en" where the script does not say more."""

    text: str
    lang: str


def normalise_text(text: str) -> NormalText:
    """Bring a text into normal form; places in it refer to the result."""
    text = unicodedata.normalize("NFC", text).translate(_LIGATURES)
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _CONTROLS.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))
    lines = (_SPACES.sub(" ", line).strip() for line in text.replace("\f", "\n\n").split("\n"))
    text = _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
    return NormalText(text=text, lang=language_of(text))


def language_of(text: str) -> str:
    """A guess by the script: ar, zh, ja, ko, ru, he, el, hi, th, else en."""
    counts: dict[str, int] = {}
    for char in text[:SAMPLE]:
        if char.isalpha():
            lang = _language_of_character(ord(char))
            counts[lang] = counts.get(lang, 0) + 1
    if counts.get("ja"):  # kana beside Chinese characters
        return "ja"
    return max(counts, key=lambda lang: counts[lang], default="en")


_RANGES = (
    (0x0370, 0x03FF, "el"), (0x0400, 0x052F, "ru"), (0x0590, 0x05FF, "he"), (0x0600, 0x077F, "ar"),
    (0x0900, 0x097F, "hi"), (0x0E00, 0x0E7F, "th"), (0x3040, 0x30FF, "ja"), (0x3400, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"), (0xFB50, 0xFEFF, "ar"),
)  # fmt: skip


def _language_of_character(code: int) -> str:
    if code < 0x0370:
        return "en"
    return next((lang for first, last, lang in _RANGES if first <= code <= last), "en")
