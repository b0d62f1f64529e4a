"""What is read from a mail: its texts, what came with it, and who wrote which part of it."""

from __future__ import annotations

import struct

import pytest

from document_samples import CSV, eml, pdf
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import find_mail_parts, read_document

HEAD = b"From: a@example.org\nSubject: parts\nMIME-Version: 1.0\nContent-Type: multipart/%s; boundary=b\n\n"


def text_of(data: bytes, name: str = "a.eml") -> str:
    return normalise_text(read_document(data, name).text).text


def mail_of(kind: str, *parts: bytes) -> str:
    """What is read below the headers of a mail of such parts."""
    data = HEAD % kind.encode() + b"".join(b"--b\n" + part + b"\n" for part in parts) + b"--b--\n"
    return text_of(data).partition("\n\n")[2]


def test_a_mail_brings_its_attachments_as_pages_and_names_the_mail_that_began_it() -> None:
    inner = eml([("inner.csv", CSV)])
    found = read_document(eml([("b.csv", CSV), ("inner.eml", inner), ("c.exe", b"MZ\x90\0")]), "a.eml")
    pages = found.text.split("\f")
    assert pages[0].startswith("From: Zoë <zoe@example.org>\nTo: desk@example.org\n")
    assert pages[1] == "Attachment: b.csv (40 bytes)\nitem\tcount\tprice\nPaper\t2\t12,50\nInk\t\t3"
    assert pages[2].startswith("Attachment: inner.eml")
    assert pages[3].startswith("Attachment: inner.csv (40 bytes)\nitem")
    assert pages[4].startswith("Attachment: c.exe")
    assert "not read" in pages[4]
    assert (found.title, found.thread) == ("Re: Grüße", "<first@example.org>")


def test_parts_of_a_mail_are_told_apart() -> None:
    text = text_of(eml(), "a.eml")
    parts = {part.kind: text[part.start : part.end].strip() for part in find_mail_parts(text)}
    assert parts == {
        "own": "Thank you.",
        "quoted": "On Monday, Desk wrote:\n> Please send the form.",
        "signature": "--\nZoë Okafor\nBlue Door Ltd.",
    }


def test_undeclared_and_wrongly_declared_charsets_of_mails_are_read() -> None:
    head = b"From: a@example.org\nSubject: Gr\xfc\xdfe an alle\n"
    body = "Schöne Grüße aus Köln, wir hören von Ihnen".encode("cp1252")
    for declared in (b"", b"Content-Type: text/plain; charset=no-such\n", b"Content-Type: text/plain; charset=utf-8\n"):
        text = text_of(head + declared + b"\n" + body, "a.eml")
        assert "Subject: Grüße an alle" in text
        assert "Schöne Grüße aus Köln" in text


PLAIN, PAGE = b"Content-Type: text/plain\n\n", b"Content-Type: text/html\n\n"


def test_every_text_of_a_mail_is_read_and_of_its_forms_one() -> None:
    assert (
        mail_of("mixed", PAGE + b"<p>The meeting</p>", PLAIN + b"list@example.org") == "The meeting\n\nlist@example.org"
    )
    assert mail_of("mixed", b"\na part without headers") == "a part without headers"
    assert mail_of("alternative", PLAIN + b"plain", PAGE + b"<p>page</p>") == "plain"
    assert mail_of("alternative", PLAIN + b" \n", PAGE + b"<p>page</p>") == "page"
    inner = b"Content-Type: multipart/alternative; boundary=c\n\n--c\n%splain\n--c\n%spage\n--c--" % (PLAIN, PAGE)
    assert mail_of("mixed", inner, PLAIN + b"after") == "plain\nafter"


def test_what_comes_without_a_name_is_read_and_signatures_are_left_out() -> None:
    table, signature = b"Content-Type: text/csv\n\n" + CSV, b"Content-Type: application/pgp-signature\n\nabc"
    page = b"Content-Type: application/pdf\nContent-Transfer-Encoding: 8bit\n\n" + pdf([[(50, 800, "Attached page")]])
    text = mail_of("mixed", PLAIN + b"see below", table, page, signature)
    assert [each.split("\n", 1)[1] for each in text.split("\f")[1:]] == [
        "item\tcount\tprice\nPaper\t2\t12,50\nInk\t\t3", "Attached page"]  # fmt: skip


def test_what_outlook_wrapped_is_unwrapped() -> None:
    def attribute(number: int, value: bytes) -> bytes:
        return struct.pack("<BII", 2, number, len(value)) + value + b"\0\0"

    long_name = "Preisliste März.csv\0".encode("utf-16-le")
    properties = b"\x02\0\0\0" + struct.pack("<HHII", 0x001F, 0x3707, 1, len(long_name)) + long_name
    parcel = b"\x78\x9f\x3e\x22\x01\0" + b"".join([
        attribute(0x00069002, bytes(14)), attribute(0x00018010, b"PREISL~1.CSV\0"), attribute(0x0006800F, CSV),
        attribute(0x00069005, properties), attribute(0x00069002, bytes(14)), attribute(0x00018010, b"a.exe\0"),
        attribute(0x0006800F, b"MZ\x90\0"),
    ])  # fmt: skip
    pages = text_of(eml([("winmail.dat", parcel)])).split("\f")
    assert pages[
        1
    ] == f"Attachment: winmail.dat ({len(parcel)} bytes)\nAttachment: Preisliste März.csv (40 bytes)\n" + (
        "item\tcount\tprice\nPaper\t2\t12,50\nInk\t\t3"
    )
    assert pages[2].startswith("Attachment: a.exe (4 bytes): not read")
    assert "Preisliste" in text_of(eml([("winmail.dat", parcel[: len(parcel) - 40])]))


@pytest.mark.parametrize(
    ("own", "quoted"),
    [
        ("Danke.\n\n", "Von: Zoë <z@example.org>\nGesendet: Montag, 2. März 2026\nAn: Jan\n\nHallo Jan"),
        ("D'accord.\n\n", "De : Paul <p@example.org>\nEnvoyé : lundi 2 mars 2026\nÀ : Jeanne\n\nBonjour"),
        ("تم الدفع.\n\n", "من: أحمد <a@example.org>\nتم الإرسال: الاثنين، 2 مارس 2026\n\nالرجاء الدفع"),
        ("Thanks.\n\n", "-------- Forwarded Message --------\nSubject: rent\n\nDear Zoë"),
        ("Yes.\n\n", "On Mon, 2 Mar 2026 at 09:15, Paul Martin of Accounting <\np@example.org> wrote:\n\n> On Friday?"),
        ("نعم.\n\n", "في الأحد، 1 مارس 2026 تمت كتابة ما يلي بواسطة أحمد <a@example.org>:\n> متى؟"),
        ("From: here it takes an hour.\nThe date is open.\nOn Friday he wrote:\nnothing", ""),
    ],
)
def test_quotations_are_told_in_the_ways_of_many_programs(own: str, quoted: str) -> None:
    text = "From: a@example.org\nSubject: x\n\n" + own + quoted
    parts = [(part.kind, text[part.start : part.end]) for part in find_mail_parts(text)]
    assert parts == ([("own", own), ("quoted", quoted)] if quoted else [("own", own)])


def test_parts_cover_a_mail_of_more_lines_than_are_looked_at() -> None:
    text = "own\n> quoted\n" + "more\n" * 100_000
    parts = find_mail_parts(text)
    assert [part.kind for part in parts] == ["own", "quoted", "own"]
    assert [parts[0].start, *(part.end for part in parts)] == [0, 4, 13, len(text)]
