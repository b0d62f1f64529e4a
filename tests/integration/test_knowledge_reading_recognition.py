"""Pictures of text, read in the real isolated step under its usual limits."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from document_samples import pdf_of
from serdab.flow.isolation import IsolatedPool, RemoteFailure
from serdab.knowledge.reading.recognition import is_installed

READ = "serdab.knowledge.isolated_reading:read"
MEMORY_BYTES = 1024 << 20


def picture(kind: str) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (1000, 300), "white")
    draw = ImageDraw.Draw(image)
    for y, text in ((40, "INVOICE 4471"), (160, "Total due 80.00")):
        draw.text((40, y), text, fill="black", font=ImageFont.load_default(60))
    made = io.BytesIO()
    image.save(made, kind, dpi=(150, 150))
    return made.getvalue()


def scanned_pdf(stamp: bytes = b"") -> bytes:
    jpeg = picture("JPEG")
    shown = b"BT /F 8 Tf 60 595 Td (%s) Tj ET 480 0 0 144 50 600 cm /I Do" % stamp
    return pdf_of([
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [40 590 540 760] /Contents 4 0 R"
        b" /Resources << /XObject << /I 5 0 R >> /Font << /F 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown),
        b"<< /Type /XObject /Subtype /Image /Width 1000 /Height 300 /ColorSpace /DeviceRGB /BitsPerComponent 8"
        b" /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (len(jpeg), jpeg),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ])  # fmt: skip


async def read(pool: IsolatedPool, path: Path, ocr: bool) -> str:
    payload = msgspec.json.encode([[str(path), 52_428_800], {"ocr": ocr}])
    answer = await pool.call(READ, payload, timeout_s=60, memory_bytes=MEMORY_BYTES)
    text: str = msgspec.json.decode(answer)["text"]
    return text


async def test_pictures_and_scanned_pages_are_read_when_asked_and_refused_by_name_otherwise(tmp_path: Path) -> None:
    assert is_installed(), "the development environment has all extras"
    files = {"a.png": picture("PNG"), "a.jpg": picture("JPEG"), "a.tiff": picture("TIFF"), "a.pdf": scanned_pdf()}
    async with IsolatedPool(1) as pool:
        for name, data in files.items():
            path = tmp_path / name
            path.write_bytes(data)
            lines = (await read(pool, path, ocr=True)).replace(" ", "").splitlines()
            assert [line for line in lines if line] == ["INVOICE4471", "Totaldue80.00"]
            with pytest.raises(RemoteFailure, match=r"serdab\[ocr\]"):
                await read(pool, path, ocr=False)


async def test_a_scan_that_bears_a_stamp_is_recognised_below_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(scanned_pdf(b"Scanned by Machine 7"))
    async with IsolatedPool(1) as pool:
        assert await read(pool, path, ocr=False) == "Scanned by Machine 7"
        assert "INVOICE4471" in (await read(pool, path, ocr=True)).replace(" ", "").splitlines()
