"""Other readers of documents, and how near to what a person reads a text is, run by the peers' own Python.

`on_readers.py read NAME FOLDER` writes `{file: {text, seconds}}`, `on_readers.py score FOLDER`, given such texts by
reader, how right they are.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Indel

_WORD = re.compile(r"\w+")
#: A sign between thousands, and zeros behind a decimal point, which a reader may leave out.
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_ZEROS = re.compile(r"(?<=\d)\.(?:0+\b|(\d*[1-9])0+\b)")


def _pypdf() -> Callable[[Path], str]:
    from pypdf import PdfReader

    return lambda path: "\n".join(page.extract_text() for page in PdfReader(path).pages)


def _pdfplumber() -> Callable[[Path], str]:
    import pdfplumber

    def read(path: Path) -> str:
        with pdfplumber.open(path) as document:
            return "\n".join(page.extract_text() or "" for page in document.pages)

    return read


def _pymupdf() -> Callable[[Path], str]:
    import pymupdf

    def read(path: Path) -> str:
        with pymupdf.open(path) as document:
            return "\n".join(page.get_text(sort=False) for page in document)

    return read


def _pymupdf4llm() -> Callable[[Path], str]:
    import pymupdf4llm

    return lambda path: str(pymupdf4llm.to_markdown(str(path), show_progress=False))


def _markitdown() -> Callable[[Path], str]:
    from markitdown import MarkItDown

    reader = MarkItDown()
    return lambda path: str(reader.convert(str(path)).text_content)


#: What opens each reader, and the endings that it is asked to read.
READERS: dict[str, tuple[Callable[[], Callable[[Path], str]], frozenset[str]]] = {
    "pypdf": (_pypdf, frozenset({".pdf"})),
    "pdfplumber": (_pdfplumber, frozenset({".pdf"})),
    "pymupdf": (_pymupdf, frozenset({".pdf"})),
    "pymupdf4llm": (_pymupdf4llm, frozenset({".pdf"})),
    "markitdown": (_markitdown, frozenset({".pdf", ".docx", ".html", ".eml", ".pptx", ".xlsx"})),
}


def read_all(name: str, folder: Path) -> dict[str, Any]:
    """The texts of a folder's papers; the first is read twice, for what is loaded at first use."""
    opened, endings = READERS[name]
    read = opened()
    paths = sorted(path for path in folder.iterdir() if path.suffix in endings)
    read(paths[0])
    texts: dict[str, Any] = {}
    for path in paths:
        began = time.perf_counter()
        text = read(path)
        texts[path.name] = {"text": text, "seconds": time.perf_counter() - began}
    return {"version": version(name), "texts": texts}


def words_of(text: str) -> list[str]:
    numbers = _ZEROS.sub(lambda match: f".{match[1]}" if match[1] else "", _THOUSANDS.sub("", text))
    return _WORD.findall(numbers.casefold())


def score(truth: dict[str, Any], text: str) -> dict[str, float]:
    """Shares of one paper: words in reading order (Indel similarity), and rows of tables that stand in one line."""
    shares = {"words": Indel.normalized_similarity(words_of(truth["text"]), words_of(text))}
    if truth["rows"]:
        lines = [words_of(line) for line in text.splitlines()]
        shares["rows"] = sum(any(_holds(line, row) for line in lines) for row in truth["rows"]) / len(truth["rows"])
    return shares


def _holds(line: list[str], row: list[str]) -> bool:
    """Whether all cells of a row stand in a line in their order, and nothing else."""
    return line == words_of(" ".join(row))


def main() -> None:
    logging.disable(logging.WARNING)
    action, *words = sys.argv[1:]
    if action == "read":
        print(json.dumps(read_all(words[0], Path(words[1]))))
        return
    truth = json.loads((Path(words[0]) / "truth.json").read_text("utf-8"))
    given = json.load(sys.stdin)
    print(
        json.dumps(
            {name: {file: score(truth[file], text) for file, text in texts.items()} for name, texts in given.items()}
        )
    )


if __name__ == "__main__":
    main()
