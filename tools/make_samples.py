"""Write the sample documents of `make run` again: our own texts in many formats, two of them broken on purpose."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from docx import Document

from sample_texts import ARABIC, LABELS, LONG_CONTRACT, MESSAGES, TEXTS

FOLDER = Path("src/serdab/knowledge/samples")


def pdf(text: str) -> bytes:
    """A PDF of one or more pages with a text layer; Latin text only."""
    pages = [text.split("\n")[start : start + 45] for start in range(0, len(text.split("\n")), 45)]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
        stream = f"BT /F1 10 Tf 13 TL 50 790 Td\n{shown}ET".encode("latin-1", "replace")
        objects.append(b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream")
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
    references = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Kids [{references}] /Count {len(kids)} >>".encode()
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def docx(text: str) -> bytes:
    """A Word document, a paragraph a line, with fixed times so that it is the same every time."""
    document = Document()
    for line in text.split("\n"):
        document.add_paragraph(line)
    made = io.BytesIO()
    document.save(made)
    fixed = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if "thumbnail" not in part.filename:
                new.writestr(
                    zipfile.ZipInfo(part.filename, (2024, 1, 1, 0, 0, 0)), old.read(part), zipfile.ZIP_DEFLATED
                )
    return fixed.getvalue()


def html(text: str) -> bytes:
    """A web page with a script that nobody should read."""
    title, *rest = text.split("\n")
    body = "".join(f"<p>{line}</p>\n" for line in rest if line)
    head = f"<head><title>{title}</title><script>var x = 1;</script></head>"
    return f"<html>{head}<body><h1>{title}</h1>\n{body}</body></html>".encode()


def eml(text: str) -> bytes:
    """A mail."""
    subject, *rest = text.split("\n")
    return (
        f"From: office@example.com\nTo: desk@example.org\nDate: Mon, 04 Mar 2024 09:30:00 +0000\nSubject: {subject}\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    ).encode() + "\n".join(rest).encode()


MAKERS: dict[str, Callable[[str], bytes]] = {
    "pdf": pdf,
    "docx": docx,
    "html": html,
    "eml": eml,
    "txt": str.encode,
    "md": str.encode,
    "csv": str.encode,
}


def main() -> None:
    """Write every file."""
    files = FOLDER / "files"
    files.mkdir(parents=True, exist_ok=True)
    for old in files.iterdir():
        old.unlink()
    for name, text in {**TEXTS, **ARABIC, "contract-long.pdf": LONG_CONTRACT}.items():
        (files / name).write_bytes(MAKERS[name.rsplit(".", 1)[1]](text))
    (files / "broken-truncated.pdf").write_bytes(pdf(LONG_CONTRACT)[:300])
    (files / "broken-not-a-zip.docx").write_bytes(b"This was a letter once, before the disk failed.\n")
    (files / "desk-messages.jsonl").write_text(json_lines(MESSAGES), "utf-8")
    examples = [{"text": text, "label": label} for label, texts in LABELS.items() for text in texts]
    (FOLDER / "labels.jsonl").write_text(json_lines(examples), "utf-8")
    documents = len(list(files.iterdir())) - 1 + len(MESSAGES)
    print(f"{documents} documents, {len(examples)} labelled examples")


def json_lines(rows: Iterable[dict[str, str]]) -> str:
    """Lines of JSON, each with its end."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
