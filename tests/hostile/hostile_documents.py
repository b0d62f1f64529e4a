"""Documents that are made to break their reader, built by code: (name, bytes), the same each time."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from document_samples import eml, every_kind, lettered_pdf, pdf, pdf_of, rezipped, zipped
from einvoice_samples import cii, embedding, page_of_invoice, ubl

Case = tuple[str, bytes]
Change = Callable[[str, bytes], bytes]

_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
_LAUGHS = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{_ENTITIES}]>'
_OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e9 SYSTEM "file:///etc/passwd">]>'
_MAIN = {"a.docx": "word/document.xml", "a.xlsx": "xl/workbook.xml", "a.pptx": "ppt/slides/slide1.xml"}


def hostile_documents() -> Iterator[Case]:
    """Every case; names are unique but for their order number."""
    kinds = every_kind()
    yield from _cut(kinds)
    yield from _flipped(kinds)
    yield from _renamed(kinds)
    yield from _archives()
    yield from _marked_up(kinds)
    yield from _packages(kinds)
    yield from _pdfs()
    yield from _tables_and_texts()
    yield from _mails()
    yield from _rich_texts()
    yield from _electronic_invoices()


def _cut(kinds: dict[str, bytes]) -> Iterator[Case]:
    for name, data in kinds.items():
        for tenth in range(1, 10):
            yield f"cut-{tenth}0-{name}", data[: len(data) * tenth // 10]


def _flipped(kinds: dict[str, bytes]) -> Iterator[Case]:
    for name, data in kinds.items():
        for seed in range(14):
            chance = random.Random(f"{name} {seed}")
            broken = bytearray(data)
            for _ in range(1 + seed * 4):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            yield f"flipped-{seed}-{name}", bytes(broken)


def _renamed(kinds: dict[str, bytes]) -> Iterator[Case]:
    for name, data in kinds.items():
        for ending in ("pdf", "docx", "xlsx", "eml", "html", "csv", "exe"):
            if not name.endswith(ending):
                yield f"renamed-{name}.{ending}", data


def _archives() -> Iterator[Case]:
    zeros = bytes(60_000_000)
    yield "bomb.zip", zipped({"zeros.txt": zeros})
    yield "bomb-by-many.zip", zipped({f"{n}.txt": zeros[:900_000] for n in range(300)})
    yield "many.zip", zipped({f"{n}.txt": b"x" for n in range(12_000)})
    inner = zipped({"a.txt": b"deep"})
    for depth in range(12):
        inner = zipped({f"{depth}.zip": inner})
    yield "nested.zip", inner
    yield "nested-many.zip", zipped({f"{n}.zip": zipped({f"{m}.txt": b"x" for m in range(30)}) for n in range(30)})
    yield "climbing.zip", zipped({"../../etc/passwd": b"x", "/absolute.txt": b"y", "C:\\a.txt": b"z"})
    yield "empty.zip", zipped({})
    yield "bomb.docx", zipped({"[Content_Types].xml": b"", "word/document.xml": zeros})
    yield "bomb.xlsx", zipped({"[Content_Types].xml": b"", "xl/workbook.xml": zeros})
    yield "bomb.pptx", zipped({"[Content_Types].xml": b"", "ppt/presentation.xml": zeros})
    yield "lying.zip", _lying(zipped({"a.txt": zeros[:5_000_000]}))
    yield "overlapping.zip", _overlapping()
    yield "bomb.txt", gzip.compress(zeros)
    locked = bytearray(zipped({"a.txt": b"secret"}))
    locked[6] |= 1
    locked[locked.find(b"PK\1\2") + 8] |= 1
    yield "locked.zip", bytes(locked)


def _lying(data: bytes) -> bytes:
    """The list says that the part has 10 bytes."""
    at = data.find(b"PK\1\2")
    return data[: at + 24] + struct.pack("<L", 10) + data[at + 28 :]


def _overlapping() -> bytes:
    """Many names for the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", random.Random(1).randbytes(300_000).hex())
        first = archive.infolist()[0]
        for number in range(900):
            other = zipfile.ZipInfo(f"{number}.txt")
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset", "flag_bits"):
                setattr(other, field, getattr(first, field))
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other
    return made.getvalue()


def _marked_up(kinds: dict[str, bytes]) -> Iterator[Case]:
    deep = 1_000_000
    for tag in ("div", "b", "table", "ul><li", "span", "a", "font", "table><tr><td", "svg", "select", "x-y"):
        name = tag.replace("><", "-")
        yield f"nested-{name}.html", f"<{tag}>".encode() * (deep if tag == "div" else deep // 4) + b"deep"
    yield "nested-closed.html", b"<div>" * deep + b"deep" + b"</div>" * deep
    yield "formatting.html", b"<b><p>" * 200_000
    yield "closing.html", b"</div></b></p>" * 200_000
    yield "attributes.html", b"<p " + b" ".join(b"a%d=1" % n for n in range(100_000)) + b">x"
    yield "endless-tag.html", b"<p " + b"a" * 5_000_000
    yield "angles.html", b"<" * 5_000_000
    yield "entities.html", b"&lt;&#0;&#xD800;&#x110000;&amp" * 100_000
    yield "comment.html", b"<!--" * 500_000
    yield "svg-laughs.html", (_LAUGHS + "<svg><text>&e9;</text></svg>").encode()
    yield "laughs.xhtml", (_LAUGHS + "<html><body>&e9;</body></html>").encode()
    yield "outside.xhtml", (_OUTSIDE + "<html><body>&e9;</body></html>").encode()
    yield "meta.html", b"<meta charset='zip'><meta charset=idna>text \xff\xfe"
    yield "table-rules.md", b"|a|\n" + b"|" + b"-|" * 1_000_000 + b"\n" + b"|x" * 1_000_000
    yield "rule-backtracks.md", b"a|b\n" + b"|-" * 4000 + b" " * 900 + b"x\n"


def _packages(kinds: dict[str, bytes]) -> Iterator[Case]:
    for name, main in _MAIN.items():
        for what, start in (("laughs", _LAUGHS), ("outside", _OUTSIDE)):
            yield f"{what}-{name}", rezipped(kinds[name], _prolog(main, start))
        nested = b"<a>" * 200_000
        yield f"nested-{name}", rezipped(kinds[name], _replaced(main, nested))
        yield f"cyclic-{name}", rezipped(kinds[name], _cyclic)
        yield f"macro-{name[:-1]}m", _with(kinds[name], {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0 AutoOpen Shell"})
        yield (
            f"climbing-{name}",
            rezipped(kinds[name], lambda part, old: old.replace(b'Target="', b'Target="../../../')),
        )
    tables = b"<w:tbl><w:tr><w:tc>" * 80 + b"<w:p><w:r><w:t>deep</w:t></w:r></w:p>" + b"</w:tc></w:tr></w:tbl>" * 80
    yield "tables.docx", rezipped(kinds["a.docx"], lambda part, old: old.replace(b"<w:body>", b"<w:body>" + tables))
    cells = b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(1, 20_000))
    wide = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
    for what, inner in (
        ("far", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        ("wide", cells),
        (
            "odd",
            b'<row r="-1"><c r="????" t="s"><v>99999999</v></c><c s="-5"><v>1e999</v></c><c t="s"><v>nan</v></c></row>',
        ),
        ("dates", b"<row>" + b'<c s="1"><v>1e300</v></c><c s="1"><v>-1e9</v></c>' * 1000 + b"</row>"),
        ("many", b'<row><c t="inlineStr"><is><t>x</t></is></c></row>' * 300_000),
    ):
        yield f"{what}.xlsx", rezipped(kinds["a.xlsx"], _replaced("xl/worksheets/sheet1.xml", wide % inner))


def _prolog(main: str, start: str) -> Change:
    def change(part: str, old: bytes) -> bytes:
        if part != main:
            return old
        body = old.partition(b"?>")[2]
        at = body.rfind(b"</")
        return start.encode() + body[:at] + b"&e9;" + body[at:]

    return change


def _replaced(name: str, content: bytes) -> Change:
    return lambda part, old: content if part == name else old


def _cyclic(part: str, old: bytes) -> bytes:
    """Every part refers to the first of all."""
    return old.replace(b'Target="slide', b'Target="../slides/slide').replace(b"theme1.xml", b"../document.xml")


def _with(data: bytes, parts: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped({**{name: archive.read(name) for name in archive.namelist()}, **parts})


def _pdfs() -> Iterator[Case]:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    catalogue = b"<< /Type /Catalog /Pages 2 0 R >>"
    yield (
        "pages-100000.pdf",
        pdf_of([catalogue, b"<< /Type /Pages /Count 100000 /Kids [%s] >>" % (b"3 0 R " * 100_000), page]),
    )
    own = b" ".join(b"%d 0 R" % n for n in range(3, 100_003))
    yield "pages-own.pdf", pdf_of([catalogue, b"<< /Type /Pages /Count 100000 /Kids [%s] >>" % own, *[page] * 100_000])
    yield "pages-promised.pdf", pdf_of([catalogue, b"<< /Type /Pages /Count 2000000000 /Kids [3 0 R] >>", page])
    yield "pages-negative.pdf", pdf_of([catalogue, b"<< /Type /Pages /Count -5 /Kids [3 0 R] >>", page])
    yield "tree-cycle.pdf", pdf_of([catalogue, b"<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>"])
    chain = [b"<< /Type /Pages /Count 1 /Parent %d 0 R /Kids [%d 0 R] >>" % (n - 1, n + 1) for n in range(2, 20_000)]
    yield "tree-deep.pdf", pdf_of([catalogue, *chain, page])
    for what, box in (
        ("huge", b"0 0 1e9 1e9"),
        ("void", b"0 0 0 0"),
        ("upside", b"842 595 0 0"),
        ("words", b"/a /b (c) []"),
    ):
        yield f"box-{what}.pdf", pdf([[(50, 800, "text")]]).replace(b"0 0 595 842", box)
    good = pdf([[(50, 800, "text")]])
    yield from _streams(good)
    yield from _forms()
    yield "xref-broken.pdf", good.replace(b"0000000015", b"9999999999")
    yield "xref-far.pdf", good[: good.rfind(b"startxref")] + b"startxref\n999999999\n%%EOF"
    yield "xref-none.pdf", good[: good.find(b"xref\n")]
    loop = good.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % good.find(b"xref\n"))
    yield "xref-loop.pdf", loop
    yield "one-point.pdf", pdf([[(50, 800, "same place")] * 20_000])
    yield "words-many.pdf", pdf([[(5 + n % 97 * 6, 5 + n // 97 % 800, "w") for n in range(12_000)]])
    yield "columns-many.pdf", pdf([[(5 + n % 60 * 10, 840 - n // 60 * 2, "ab") for n in range(24_000)]], size=2)
    spiral = "0.7 0.7 -0.7 0.7"
    yield "slanted.pdf", pdf([[(50, 40 + n, "slanted text") for n in range(700)]], matrix=spiral)


def _streams(good: bytes) -> Iterator[Case]:
    bomb = zlib.compress(b"BT /F1 9 Tf (aaaaaaaaaa) Tj ET\n" * 1_000_000)
    flate = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(bomb), bomb)
    yield "letters-slanted.pdf", lettered_pdf([(5 + n % 590, 5 + n * 0.02, "ש") for n in range(40_000)], "ש")
    yield "letters-apart.pdf", lettered_pdf([(5 + n % 80 * 7.2, 5 + n // 80 * 4, "x") for n in range(15_000)], "~")
    yield "marks-many.pdf", lettered_pdf([(50, 800, "ש" + "\u05b8" * 40_000)], "ש\u05b8")
    yield "stream-bomb.pdf", _with_content(flate)
    zeros = bytes(50_000_000)
    for _ in range(2):
        zeros = zlib.compress(zeros)
    twice = b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s\nendstream" % (len(zeros), zeros)
    yield "stream-twice.pdf", _with_content(twice)
    yield (
        "form-cycle.pdf",
        _with_content(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 6 /Resources << /XObject << /X 4 0 R >> >> >>"
            b"\nstream\n/X Do \nendstream"
        ),
    )
    yield "nested-arrays.pdf", pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"[" * 500_000 + b"]" * 500_000, b"<< >>"])
    yield (
        "script.pdf",
        good.replace(b"/Type /Catalog", b"/Type /Catalog /OpenAction << /S /JavaScript /JS (while(1){}) >>"),
    )


def _forms() -> Iterator[Case]:
    """Fields that hold themselves, are many, or are drawn by what draws them."""
    for what, many, field in (
        ("fields-cycle", 1, b"/Kids [4 0 R 4 0 R] /Parent 4 0 R"),
        ("fields-many", 100_000, b""),
        ("fields-drawn", 1, b"/AP << /N 4 0 R >>"),
        ("fields-script", 1, b"/AA << /C << /S /JavaScript /JS (while(1){}) >> >>"),
    ):
        places = b"4 0 R " * many
        yield f"{what}.pdf", pdf_of([
            b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /NeedAppearances true /Fields [%s] >> >>" % places,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [%s] >>" % places,
            b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /V (text) /Rect [9 9 99 99] /F 4 %s >>" % field,
        ])  # fmt: skip


def _with_content(stream: bytes) -> bytes:
    return pdf_of([
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >>"
        b" /XObject << /X 4 0 R >> >> >>",
        stream, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ])  # fmt: skip


def _tables_and_texts() -> Iterator[Case]:
    yield "wide.csv", b"a," * 1_000_000 + b"\n" + b"1," * 1_000_000
    yield "quotes.csv", b'"' * 3_000_001
    yield "open-quote.csv", b'a,b\n"' + b"x,\n" * 1_000_000
    yield "long-cell.csv", b"a,b\n" + b"y" * 12_000_000
    yield "delimiters.csv", b",;\t|" * 500_000
    yield "nul.csv", b"a,b\0\n1,\0\n" * 10_000
    yield "line.txt", b"word " * 4_000_000
    yield "line-without-space.txt", b"a" * 20_000_000
    yield "nul.txt", b"text\0" * 200_000
    yield "form-feeds.txt", b"x\f" * 3_000_000
    yield "tabs.txt", b"a\t" * 3_000_000
    yield "surrogates.txt", "a\ud800b\udfffc".encode("utf-8", "surrogatepass") * 1000
    yield "overlong.txt", b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf" * 1000
    yield "marks.txt", ("a" + "\u0301\u0323\u302a" * 300_000).encode()
    yield "shapes.txt", ("\ufdfa" * 300_000).encode()
    yield "directions.txt", ("\u202e\u2066" * 500_000 + "text").encode()
    yield "utf-16-odd.txt", b"\xff\xfe" + b"\x00\xd8" * 1000 + b"a"
    yield "utf-32.txt", b"\xff\xfe\0\0" + b"\xff\xff\xff\xff" * 1000
    yield "utf-7.txt", b"+AGEAYg- " * 1000
    yield "noise.txt", random.Random(2).randbytes(500_000)
    yield "noise-letters.txt", bytes(128 + byte % 128 for byte in random.Random(3).randbytes(500_000))
    yield "escapes.txt", b"\x1b$B" + b"!!" * 10_000
    yield "emails.txt", b"a.b-" * 200_000 + b"@"
    yield "links.txt", b"http://www." * 200_000
    for name in ("a\n.txt", "..", "a" * 200 + ".txt", "-rf.txt", "\u202etxt.exe.txt"):
        yield f"name-{name}", b"a text with an odd name"


def _mails() -> Iterator[Case]:
    head = b"From: a@example.org\nSubject: x\n"
    yield "parts.eml", head + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\npart\n" * 10_000
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1000))
    yield "nested-1000.eml", head + nested
    fewer = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(99))
    yield "nested-99.eml", head + fewer + b"\ntext\n" * 20_000
    yield "mails-in-mails.eml", (head + b"Content-Type: message/rfc822\n\n") * 500 + head + b"\ndeep"
    for what, line in (
        ("date", b"Date: " + b"99 Foo 99999 " * 1000),
        ("from", b"From: " + b"(" * 50_000),
        ("to", b"To: " + b"a,<" * 50_000),
        ("words", b"Subject: " + b"=?utf-8?B?4pyT?= " * 20_000),
        ("charset", b"Subject: =?no-such?Q?=FF?= =?utf-8?X?a?="),
        ("ids", b"References: " + b"<a@b> " * 100_000),
        ("folded", b"Subject: a" + b"\n " * 100_000),
        ("type", b"Content-Type: " + b"a/b; " * 20_000),
        ("file", b"Content-Disposition: attachment; filename*0*=''%FF%"),
        ("self", b"Message-ID: <a>\nIn-Reply-To: <a>\nReferences: <a>"),
        ("base64", b"Content-Transfer-Encoding: base64"),
        ("uu", b"Content-Transfer-Encoding: x-uuencode"),
        ("unknown", b"Content-Type: text/plain; charset=\xff\xff"),
        ("zip", b"Content-Type: text/plain; charset=zip"),
        ("null", b"Subject: a\0b\r\rc"),
    ):
        yield f"header-{what}.eml", head + line + b"\n\ntext =3D \xff\xfe begin 644\n"
    inner = eml()
    for _ in range(8):
        inner = eml([("inner.eml", inner)])
    yield "attached-mails.eml", inner
    yield "attached-bomb.eml", eml([("bomb.zip", zipped({"zeros.txt": bytes(30_000_000)}))])
    attribute = b"\x02" + (0x0006800F).to_bytes(4, "little")
    parcel = b"\x78\x9f\x3e\x22\0\0" + (b"\x02\x02\x90\x06\0\0\0\0\0\0\0" + attribute + b"\x01\0\0\0x\0\0") * 200_000
    yield "parcel-many.eml", eml([("winmail.dat", parcel)])
    yield "parcel-lying.eml", eml([("winmail.dat", parcel[:17] + attribute + b"\xff\xff\xff\xff")])
    yield "attached-many.eml", eml([(f"{n}.txt", b"x") for n in range(300)])


def _rich_texts() -> Iterator[Case]:
    yield "groups.rtf", b"{\\rtf1 " + b"{" * 500_000 + b"deep"
    yield "closing.rtf", b"{\\rtf1 text" + b"}" * 500_000
    yield "fonts.rtf", b"{\\rtf1{\\fonttbl" + b"\\f1 \\fcharset" * 30_000
    yield "fields.rtf", b"{\\rtf1" + b'{\\field{\\*\\fldinst{HYPERLINK "a"' * 10_000
    yield "binary.rtf", b"{\\rtf1{\\pict\\bin999999999 abc}text}"
    yield "codes.rtf", b"{\\rtf1\\ansicpg99999\\u99999999?\\u-99999?\\uc-1\\uc\\'zz\\'f text}"
    yield "hexes.rtf", b"{\\rtf1\\ansicpg932 " + b"\\'81" * 200_000 + b"}"
    yield "words.rtf", b"{\\rtf1 " + b"\\a" * 500_000 + b"}"


def _electronic_invoices() -> Iterator[Case]:
    good, start = ubl(), b'encoding="UTF-8"?>'
    for what, prolog in (("laughs", _LAUGHS), ("outside", _OUTSIDE)):
        doctype = prolog.partition("?>")[2].encode()
        yield f"{what}-invoice.xml", good.replace(start, start + doctype).replace(b"Thank you", b"&e9;")
        yield f"{what}-attribute.xml", good.replace(start, start + doctype).replace(b'"EUR"', b'"&e9;"', 1)
    yield "nested-invoice.xml", good.replace(b"Thank you", b"<a>" * 1_000_000)
    yield "nested-closed-invoice.xml", good.replace(b"Thank you", b"<a>" * 1_000_000 + b"</a>" * 1_000_000)
    yield "attribute-huge.xml", good.replace(b'"EUR"', b'"' + b"E" * 20_000_000 + b'"', 1)
    yield "attributes-many.xml", good.replace(b'currencyID="EUR"', b" ".join(b'a%d="1"' % n for n in range(200_000)), 1)
    yield "elements-many.xml", good.replace(b"Thank you", b"<a/>" * 4_000_000)
    yield "notes-many.xml", good.replace(b"<cbc:Note>", b"<cbc:Note>x</cbc:Note>" * 500_000 + b"<cbc:Note>")
    yield "lines-many.xml", good.replace(b"</q:Invoice>", b"<cac:InvoiceLine/>" * 900_000 + b"</q:Invoice>")
    yield "number-long.xml", good.replace(b">1000.00<", b">" + b"9" * 5_000_000 + b"<")
    yield "number-power.xml", good.replace(b">400<", b">1e999999999<").replace(b">1000.00<", b">1e999999999<")
    yield "attached-open.xml", good.replace(b"Thank you", b"<cbc:EmbeddedDocumentBinaryObject " * 500_000)
    yield "comments.xml", b"<!--" + b"-" * 100 + b"-->" + b"<!-- <q:Invoice> -->" * 100_000 + good
    yield "encoding-none.xml", good.replace(b"UTF-8", b"no-such")
    yield "encoding-lies.xml", good.replace(b"UTF-8", b"UTF-16")
    yield "encoding-wrong.xml", good.decode().encode("latin-1")
    yield "other.xml", b"<?xml version='1.0'?><plan xmlns='urn:x'><step/></plan>"
    for tenth in range(1, 10):
        yield f"cut-{tenth}0-ubl.xml", good[: len(good) * tenth // 10]
        yield f"cut-{tenth}0-embedded.pdf", embedding(page_of_invoice(), cii()[: len(cii()) * tenth // 10])
    yield "laughs-embedded.pdf", embedding(page_of_invoice(), _LAUGHS.encode() + cii().replace(b"EUR", b"&e9;", 1))
    yield (
        "embedded-many.pdf",
        embedding(page_of_invoice(), b"<a/>").replace(b"(factur-x.xml) 6 0 R", b"(factur-x.xml) 6 0 R " * 100_000),
    )
