"""Texts as they are compared when their type is looked for."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile(r"[\u0300-\u036f]")
_RUNNING = re.compile(r"[\u0590-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def fold(text: str) -> str:
    """In small letters without accents: capitals are often written without, and readers of scans lose them."""
    if text.isascii():
        return text.lower()
    plain = _MARKS.sub("", unicodedata.normalize("NFD", text.lower()))
    return unicodedata.normalize("NFC", plain).replace("ı", "i").replace("ς", "σ")


def is_running(text: str) -> bool:
    """Whether a text holds a script that writes words without spaces, or with an article before them."""
    return not text.isascii() and _RUNNING.search(text) is not None
