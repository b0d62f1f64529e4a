"""Which language a text is in, as two letters: by its script where that tells, else by its letters in sequence.

A script that one language has almost to itself decides at once. Latin, Cyrillic and Arabic letters are shared: there
a model (py3langid, naive Bayes over sequences of bytes) chooses among the languages that people of this house are
likely to write in; with fewer languages to choose from it is right more often.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

#: Characters that are looked at for the script, and for the language within a script.
SAMPLE = 4000
MODEL_SAMPLE = 600
#: Texts of fewer letters: Latin ones are called English, and Cyrillic ones Russian, unless the model gives another this
#: probability. Of 300 short sentences in ten languages 273 are told at 0.4 and 4 taken for another than English, of 958
#: short questions in English 5; at 0.9 it is 172, 0 and 0. Languages in Cyrillic letters are nearer to each other.
FEW_LETTERS = 24
SURE, SURE_CYRILLIC = 0.4, 0.9
#: What a text is called in which nothing tells a language.
UNKNOWN = "en"

_LATIN = (
    "ca", "cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv", "ms", "nl", "no", "pl",
    "pt", "ro", "sk", "sl", "sq", "sv", "sw", "tr", "vi",
)  # fmt: skip
_CYRILLIC = ("bg", "kk", "mk", "ru", "sr", "uk")
_ARABIC = ("ar", "fa", "ur")

_SCRIPTS = (
    (0x0041, 0x024F, "latin"), (0x0370, 0x03FF, "el"), (0x0400, 0x052F, "cyrillic"), (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"), (0x0600, 0x077F, "arabic"), (0x0900, 0x097F, "hi"), (0x0980, 0x09FF, "bn"),
    (0x0B80, 0x0BFF, "ta"), (0x0E00, 0x0E7F, "th"), (0x10A0, 0x10FF, "ka"), (0x1E00, 0x1EFF, "latin"),
    (0x3040, 0x30FF, "kana"), (0x3400, 0x9FFF, "han"), (0xAC00, 0xD7AF, "ko"), (0xFB50, 0xFEFF, "arabic"),
    (0x20000, 0x2FFFF, "han"),
)  # fmt: skip
_CLASSES = {
    script: re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b, name in _SCRIPTS if name == script) + "]")
    for script in dict.fromkeys(name for _, _, name in _SCRIPTS)
}
_ASCII_LETTERS = re.compile(r"[A-Za-z]")
#: A word written in signs says as much as several letters.
_LETTERS_PER_SIGN = 3
#: Letters that Persian and Urdu have and Arabic has not; Urdu alone has the second set.
_PERSIAN = re.compile("[پچژگکی\u06cc]")
_URDU = re.compile("[ٹڈڑںےہھۓ]")
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")
#: Names of streets and firms alone are not a text in Malay or Indonesian; both are written with these small words.
_MALAY = re.compile(r"\b(?:adalah|akan|dan|dari|dengan|ini|itu|kepada|oleh|pada|tidak|untuk|yang)\b", re.IGNORECASE)
_LETTERS_PER_SMALL_WORD = 150
#: Characters of a mail by which its language can be told; "see below" says nothing.
LEAST_OWN = 20
_LOADING = threading.Lock()
#: Addresses and numbers tell no language.
_NOISE = re.compile(r"(?:https?://|www\.)\S{1,500}|\S{1,100}@\S{1,100}|[\d_]+")


class _Model(Protocol):
    def classify(self, text: str) -> tuple[str, float]:
        """The likeliest language and its probability."""

    def set_languages(self, langs: tuple[str, ...]) -> None:
        """Choose among these from now on."""


def language_of(text: str) -> str:
    """The language that most of the beginning of a text is in; "en" where nothing tells."""
    sample = text[:SAMPLE]
    if sample.isascii():
        return _latin(sample, len(_ASCII_LETTERS.findall(sample)))
    counts = {script: len(pattern.findall(sample)) for script, pattern in _CLASSES.items()}
    kana, han = counts.pop("kana"), counts["han"]
    counts["han"] = (han + kana) * _LETTERS_PER_SIGN
    script = max(counts, key=lambda each: counts[each])
    if not counts[script]:
        return UNKNOWN
    if script == "han":
        # Chinese texts quote a Japanese name now and then.
        return "ja" if kana * 12 > han + kana else "zh"
    if script == "arabic":
        return _arabic(sample, counts[script])
    if script == "cyrillic":
        return _cyrillic(sample, counts[script])
    return _latin(sample, counts[script]) if script == "latin" else script


def language_of_mail(subject: str, own: str, text: str) -> str:
    """The language in which the writer of a mail wrote; of all of it, addresses too, where that is next to nothing."""
    said = f"{subject}\n{own}"
    return language_of(said if len(own.strip()) >= LEAST_OWN else text)


def _latin(sample: str, letters: int) -> str:
    if not letters:
        return UNKNOWN
    found, share = _model(_LATIN).classify(_NOISE.sub(" ", sample[:MODEL_SAMPLE]))
    if found in ("id", "ms") and len(_MALAY.findall(sample)) * _LETTERS_PER_SMALL_WORD < letters:
        return UNKNOWN
    return found if letters >= FEW_LETTERS or share >= SURE else UNKNOWN


def _arabic(sample: str, letters: int) -> str:
    """Arabic unless letters that it lacks are common: its own dialects and styles never make it another language."""
    foreign = len(_PERSIAN.findall(sample)) + len(_URDU.findall(sample))
    if foreign * 50 < letters:
        return "ar"
    if len(_URDU.findall(sample)) * 40 > letters:
        return "ur"
    return "fa" if foreign * 20 > letters else _model(_ARABIC).classify(sample[:MODEL_SAMPLE])[0]


def _cyrillic(sample: str, letters: int) -> str:
    if len(_UKRAINIAN.findall(sample)) * 50 > letters:
        return "uk"
    found, share = _model(_CYRILLIC).classify(_NOISE.sub(" ", sample[:MODEL_SAMPLE]))
    return found if letters >= FEW_LETTERS or share >= SURE_CYRILLIC else "ru"


@asynccontextmanager
async def languages_coming() -> AsyncIterator[None]:
    """Load the model of languages in the background, so that the first documents find it there."""
    loading = asyncio.get_running_loop().run_in_executor(None, _load)
    try:
        yield
    finally:
        # A model that cannot be loaded is the failure of the documents that ask for it, and told there.
        await asyncio.wait([loading])
        loading.exception()


async def load_languages_once() -> None:
    """Load the model of languages in a thread; it takes a second that a loop with other work cannot spare."""
    if _everything.cache_info().currsize == 0:
        await asyncio.to_thread(_load)


def _load() -> None:
    # A cache alone lets everybody who comes meanwhile load it too: hundreds of runs begin at once.
    with _LOADING:
        _everything()


@functools.cache
def _model(languages: tuple[str, ...]) -> _Model:
    model: _Model = copy.copy(_everything())
    model.set_languages(languages)
    return model


@functools.cache
def _everything() -> _Model:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model: _Model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return model
