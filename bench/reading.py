"""How right documents are read, and how fast, beside other readers: the same papers, one process of one thread each.

Papers of ten kinds are made by the libraries that people's programs make them with; what a person reads in them is
known. With `--texts FOLDER` PDFs of real contracts are read, too, and compared with the text that their collection
gives. "words": how much of the words stands in the order of reading (Indel similarity). "rows": rows of tables that
stand in a line of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from harness import conditions, publish
from serdab.knowledge.reading import RefusedDocument, read_document

PEERS = Path(__file__).parent / "peers"
PYTHON = Path(os.environ.get("PEERS_PYTHON", PEERS.parent.parent / ".venv-peers" / "bin" / "python"))
READERS = ("pypdf", "pdfplumber", "pymupdf", "pymupdf4llm", "markitdown")
OURS = "Serdab"
#: One thread each: what the libraries of a reader would take besides counts for nobody.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def say(*arguments: str, told: Any = None) -> str:
    """The last line of what a script of the peers says: some readers talk."""
    command = [str(PYTHON), *arguments]
    said = subprocess.run(
        command, cwd=PEERS, env=ENVIRONMENT, input=json.dumps(told), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return said.splitlines()[-1] if said else ""


def add_contracts(folder: Path, given: Path) -> None:
    """PDFs of contracts and their texts, joined by name, beside the papers that were made."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    for line in (given / "contracts_nda.jsonl").read_text("utf-8").split("\n"):
        row = json.loads(line or "{}")
        path = given / "pdf" / f"{row.get('id')}.pdf"
        if path.is_file():
            shutil.copy(path, folder)
            truth[path.name] = {"kind": "real contracts", "text": row["text"], "rows": []}
    (folder / "truth.json").write_text(json.dumps(truth), "utf-8")


def read_ours(folder: Path) -> dict[str, Any]:
    """What Serdab reads; the first paper is read twice, for what is loaded at first use."""
    paths = sorted(path for path in folder.iterdir() if path.suffix != ".json")
    read_document(paths[0].read_bytes(), paths[0].name)
    texts = {}
    for path in paths:
        began = time.perf_counter()
        try:
            text = read_document(path.read_bytes(), path.name).text
        except RefusedDocument as error:
            text = ""
            print(path.name, error, file=sys.stderr)
        texts[path.name] = {"text": text, "seconds": time.perf_counter() - began}
    return texts


def table_of(truth: dict[str, Any], texts: dict[str, Any], shares: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of each kind of paper: mean shares, and median milliseconds."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for file in texts:
        kinds[truth[file]["kind"]].append(file)
    found = {}
    for kind, files in kinds.items():
        rows = [shares[file]["rows"] for file in files if "rows" in shares[file]]
        found[kind] = {
            "words": round(statistics.mean(shares[file]["words"] for file in files), 4),
            **({"rows": round(statistics.mean(rows), 4)} if rows else {}),
            "ms": round(statistics.median(texts[file]["seconds"] for file in files) * 1000, 1),
        }
    return found


def main(arguments: argparse.Namespace) -> None:
    if not PYTHON.exists():
        raise SystemExit(f"expected {PYTHON} with the other readers, got nothing there; say `make bench`")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("papers.py", name)
        if arguments.texts:
            add_contracts(folder, arguments.texts)
        truth = json.loads((folder / "truth.json").read_text("utf-8"))
        texts, versions = {OURS: read_ours(folder)}, {}
        for reader in READERS:
            answer = json.loads(say("on_readers.py", "read", reader, name))
            texts[reader], versions[reader] = answer["texts"], answer["version"]
        told = {reader: {file: each["text"] for file, each in read.items()} for reader, read in texts.items()}
        shares = json.loads(say("on_readers.py", "score", name, told=told))
    found = {reader: table_of(truth, read, shares[reader]) for reader, read in texts.items()}
    rows = [
        (f"{kind}: {reader}", ", ".join(f"{what} {value:g}" for what, value in kinds[kind].items()))
        for kind in found[OURS]
        for reader, kinds in found.items()
        if kind in kinds
    ]
    publish("reading", {"readers": found, "conditions": conditions(versions=versions)}, rows, arguments.json)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, help="folder with contracts_nda.jsonl and pdf/")
    parser.add_argument("--json", action="store_true")
    main(parser.parse_args())
