"""Reading: our own samples, and files that somebody broke or made to break us."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from document_samples import zipped
from serdab.engines import InputFormat
from serdab.knowledge.extraction import extract_fields
from serdab.knowledge.normalising import normalise_text
from serdab.knowledge.reading import (
    EncryptedDocument,
    Refusal,
    RefusedDocument,
    Source,
    find_sources,
    path_from_text,
    path_to_text,
    read_document,
)
from serdab.knowledge.splitting import split_text
from serdab.models import MODELS

SAMPLES = Path(str(resources.files("serdab.knowledge") / "samples" / "files"))
MOST = 52_428_800

#: A model of a hundred languages that reads 128 tokens.
SENTENCES_ONLY = "paraphrase-multilingual-MiniLM-L12-v2"


def test_a_line_of_json_may_have_one_label_or_several(tmp_path: Path) -> None:
    rows = ['{"text": "a", "label": "bill"}', '{"text": "b", "labels": {"topic": "x"}}', '{"text": "c", "label": 7}']
    (tmp_path / "rows.jsonl").write_text("\n".join([*rows, '{"text": "d"}']))
    found = [each.labels for each in find_sources([tmp_path], 1000) if isinstance(each, Source)]
    assert found == [{"label": "bill"}, {"topic": "x"}, {"label": 7}, {}]


def test_lines_of_json_may_begin_with_a_mark_and_have_empty_names(tmp_path: Path) -> None:
    rows = b'\xef\xbb\xbf{"text": "a", "id": null, "lang": null}\n{"text": "b", "id": 7, "doc_type": null}\n'
    (tmp_path / "rows.jsonl").write_bytes(rows)
    found = [each for each in find_sources([tmp_path], 1000) if isinstance(each, Source)]
    assert [(each.name.partition("#")[2], each.text, each.lang) for each in found] == [("1", "a", ""), ("7", "b", "")]


def test_a_document_is_known_by_its_place_wherever_somebody_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a letter")
    names = set()
    for stands, path in ((tmp_path, "in"), (tmp_path / "in", "."), (tmp_path / "in", "../in/a.txt")):
        monkeypatch.chdir(stands)
        names |= {each.name for each in find_sources([Path(path)], MOST)}
    assert names == {str(tmp_path / "in" / "a.txt")}


def docx(document: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", document)
    return made.getvalue()


_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def rc4(key: bytes, data: bytes) -> bytes:
    box, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def encrypted_pdf(text: str, password: bytes) -> bytes:
    """One page behind the standard security handler, revision 2 (ISO 32000-1, 7.6.3)."""
    padded, number = (password + _PADDING)[:32], bytes(16)
    owner = rc4(md5(padded)[:5], padded)
    key = md5(padded + owner + struct.pack("<i", -4) + number)[:5]
    page = rc4(md5(key + b"\x04\0\0\0\0")[:10], f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode())
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%b> /U <%b> >>"
        % (owner.hex().encode(), rc4(key, _PADDING).hex().encode()),
    ]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for place, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (place, body)
    table = b"".join(b"%010d 00000 n \n" % each for each in places)
    start = b"trailer << /Size 7 /Root 1 0 R /Encrypt 6 0 R /ID [<%b> <%b>] >>" % ((number.hex().encode(),) * 2)
    return out + b"xref\n0 7\n0000000000 65535 f \n%b%b\nstartxref\n%d\n%%%%EOF\n" % (table, start, len(out))


def test_every_sample_but_the_two_broken_ones_is_read() -> None:
    refused, sources = [], list(find_sources([SAMPLES], MOST))
    for source in sources:
        assert isinstance(source, Source)
        if source.path is None:
            assert source.text
            continue
        try:
            found = read_document(source.path.read_bytes(), source.path.name)
        except RefusedDocument:
            refused.append(source.path.name)
        else:
            assert normalise_text(found.text).text
    assert refused == ["broken-not-a-zip.docx", "broken-truncated.pdf"]
    assert len(sources) == 60


BOMB = docx(b"<w>" + b"0" * 50_000_000 + b"</w>")
LAUGHS = docx(
    b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:p><w:t>&c;</w:t></w:p></w:document>'
)


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.txt", "document_empty"),
        (b" \n\0\0", "a.txt", "document_empty"),
        (b"no pdf at all", "a.pdf", "document_malformed"),
        (b"%PDF-1.4\nbroken", "a.pdf", "document_malformed"),
        (b"PK\x03\x04broken", "a.docx", "document_malformed"),
        (BOMB, "bomb.docx", "document_bomb"),
        (docx(b"<unclosed>"), "a.docx", "document_malformed"),
        (b"\x89PNG\r\n\x1a\n...", "a.txt", "document_unsupported"),
        (b"text", "a.exe", "document_unsupported"),
        (bytes(range(1, 9)) * 500, "a.txt", "document_malformed"),
        (b"nothing that a mail begins with", "a.eml", "document_malformed"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, name: str, code: str) -> None:
    with pytest.raises(RefusedDocument) as refused:
        read_document(data, name)
    assert refused.value.code == code
    assert "expected" in str(refused.value)
    if name.endswith((".pdf", ".docx")) and code == "document_malformed":
        assert str(refused.value).partition("; ")[2]


def test_what_is_behind_a_password_is_refused_with_what_to_do() -> None:
    locked = bytearray(docx(b"<w/>"))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1  # the flag of an encrypted part (APPNOTE 4.4.4)
    for data, name in ((encrypted_pdf("x", b"secret"), "a.pdf"), (bytes(locked), "a.docx"), (bytes(locked), "a.zip")):
        with pytest.raises(EncryptedDocument, match="; remove the password"):
            read_document(data, name)


def test_a_pdf_that_wants_a_password_is_refused_and_one_with_an_empty_one_is_read() -> None:
    with pytest.raises(RefusedDocument, match="readable without a password") as refused:
        read_document(encrypted_pdf("Total due 80.00", b"secret"), "a.pdf")
    assert refused.value.code == "document_encrypted"
    assert "Total due 80.00" in read_document(encrypted_pdf("Total due 80.00", b""), "a.pdf").text


def test_entities_of_a_docx_are_not_unfolded() -> None:
    assert "hahaha" not in read_document(LAUGHS, "a.docx").text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("قهوة".encode("utf-16"), "قهوة"),
        ("قهوة و شاي في المقهى القديم كل صباح".encode("cp1256"), "قهوة و شاي في المقهى القديم كل صباح"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
        (b"a\0b", "a b"),
    ],
)
def test_encodings_are_found(data: bytes, text: str) -> None:
    assert normalise_text(read_document(data, "a.txt").text).text == text


def test_thousands_of_nested_tags_are_read() -> None:
    data = b"<div>" * 20_000 + b"deep" + b"</div>" * 20_000
    assert "deep" in read_document(data, "a.html").text


def test_sources_that_cannot_be_had_do_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "lines.jsonl").write_text('{"id": 1, "text": "first"}\nbroken\n{"id": 3, "text": "third"}\n')
    with (tmp_path / "huge.txt").open("wb") as file:
        os.truncate(file.fileno(), 200_000_000)
    (tmp_path / ".hidden.txt").write_text("no")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = list(find_sources([tmp_path, tmp_path / "missing.txt"], MOST))
    refused = {Path(each.name).name: each.code for each in found if isinstance(each, Refusal)}
    assert refused.pop("loop", "document_unreachable") == "document_unreachable"
    assert refused == {
        "huge.txt": "document_too_large", "lines.jsonl#2": "document_malformed", "missing.txt": "document_unreachable",
    }  # fmt: skip
    assert [Path(each.name).name for each in found if isinstance(each, Source)] == [
        "good.txt", "lines.jsonl#1", "lines.jsonl#3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["1," * 50_000, "a.b-" * 20_000 + "@", "Aa " * 30_000, "12/" * 30_000, "Co & " * 20_000]
)
def test_patterns_end_on_hostile_texts_and_places_are_true(text: str) -> None:
    for field in extract_fields(text):
        assert text[field.start : field.end]


def test_fields_have_one_form_for_all_ways_of_writing() -> None:
    text = (
        "Invoice No: INV-77 of 3 March 2024, total due EUR 1.234,56, IBAN DE89 3704 0044 0532 0130 00. "
        "IBAN DE00 3704 0044 0532 0130 00. فاتورة بتاريخ ٥ مارس 2024 المجموع ١٢٣٫٥٠ ريال 2024年5月6日"
    )
    values = {(field.kind, field.value) for field in extract_fields(text)}
    assert {
        ("id", "INV-77"), ("date", "2024-03-03"), ("total", "1234.56 EUR"), ("iban", "DE89370400440532013000"),
        ("amount", "123.50 SAR"), ("date", "2024-05-06"),
    } <= values  # fmt: skip
    assert ("iban", "DE00370400440532013000") not in values


def test_chunks_cover_the_text_in_order() -> None:
    for text in ("word " * 5000, "句子。" * 3000, "x" * 10_000, "a\n\nb"):
        chunks = split_text(text)
        assert all(before.end <= after.start for before, after in itertools.pairwise(chunks))
        assert "".join("".join(text[c.start : c.end] for c in chunks).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("the quick brown fox jumps over lazy dogs. " * 100, 800, 900),
        ("12/03/2018 14:05 *** 4.50 SR 3 x 1.50 #00123 " * 100, 250, 500),
        ("اجتمع مجلس الإدارة في مقر الشركة صباح اليوم. " * 100, 200, 300),
        ("该公司董事会今天上午在总部召开会议。" * 100, 180, 230),
        ("the quick brown fox. " * 200 + "Совет директоров собрался утром. " * 100, 180, 900),
    ],
)
def test_chunks_are_as_long_as_an_embedder_reads(text: str, least: int, most: int) -> None:
    lengths = [chunk.end - chunk.start for chunk in split_text(text)[:-1]]
    assert least <= min(lengths)
    assert max(lengths) <= most


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("the quick brown fox jumps over lazy dogs. " * 100, 400, 530),
        ("اجتمع مجلس الإدارة في مقر الشركة صباح اليوم. " * 100, 300, 400),
        ("该公司董事会今天上午在总部召开会议。" * 100, 120, 170),
        ("Совет директоров собрался утром. " * 100, 300, 400),
        ("이사회는 오늘 아침 본사에서 열렸다. " * 100, 150, 240),
    ],
)
def test_chunks_are_as_long_as_a_model_of_many_languages_reads(text: str, least: int, most: int) -> None:
    lengths = [chunk.end - chunk.start for chunk in split_text(text, MODELS[SENTENCES_ONLY].input_format)[:-1]]
    assert least <= min(lengths)
    assert max(lengths) <= most


def test_a_model_that_reads_on_gets_no_longer_chunks_than_a_reader_points_at() -> None:
    text = "the quick brown fox jumps over lazy dogs. " * 100
    assert split_text(text, MODELS["multilingual-e5-small"].input_format) == split_text(text)


def test_a_model_that_reads_next_to_nothing_still_gets_all_of_a_text() -> None:
    assert [text.start for text in split_text("雨雪", InputFormat(most_tokens=0))] == [0, 1]


@contextmanager
def as_somebody_without_rights() -> Iterator[None]:
    """Root may read everything; this takes that away while the block runs."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65_534, 65_534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_folder_and_a_file_without_permission_are_named_and_stop_nobody_else() -> None:
    with TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "closed").mkdir()
        (folder / "closed" / "a.txt").write_text("a letter")
        (folder / "closed.txt").write_text("a letter")
        (folder / "open.txt").write_text("a letter")
        (folder / "open.txt").chmod(0o644)
        (folder / "closed.txt").chmod(0)
        (folder / "closed").chmod(0)
        with as_somebody_without_rights():
            found = list(find_sources([folder], MOST))
        (folder / "closed").chmod(0o700)
    refused = {Path(each.name).name: each for each in found if isinstance(each, Refusal)}
    assert [each.name for each in found if isinstance(each, Source)] == [f"{folder}/open.txt"]
    assert set(refused) == {"closed", "closed.txt"}
    assert {each.code for each in refused.values()} == {"document_unreachable"}
    assert "change its permissions" in refused["closed"].reason


def test_a_name_in_an_old_code_page_is_read_and_stops_nobody_else(tmp_path: Path) -> None:
    old = Path(os.fsdecode(os.fsencode(tmp_path) + b"/na\xefve.txt"))
    old.write_text("a letter")
    (tmp_path / "plain.txt").write_text("another")
    found = [each for each in find_sources([tmp_path], MOST) if isinstance(each, Source)]
    assert [each.name for each in found] == [f"{tmp_path}/na\\xefve.txt", f"{tmp_path}/plain.txt"]
    texts = [path_to_text(each.path) for each in found if each.path is not None]
    assert texts[0].startswith("file:///")
    assert [path_from_text(text).read_text() for text in texts] == ["a letter", "another"]


def test_archives_without_documents_are_refused_like_other_empty_files(tmp_path: Path) -> None:
    (tmp_path / "empty.zip").write_bytes(zipped({}))
    (tmp_path / "hidden.zip").write_bytes(zipped({".DS_Store": b"x"}))
    (tmp_path / "outer.zip").write_bytes(zipped({"in.zip": zipped({})}))
    found = [each for each in find_sources([tmp_path], MOST) if isinstance(each, Refusal)]
    assert [each.name.removeprefix(f"{tmp_path}/") for each in found] == ["empty.zip", "hidden.zip", "outer.zip#in.zip"]
    assert {each.code for each in found} == {"document_empty"}
    assert found[0].reason == "expected the archive empty.zip to be one with documents in it, got 'none'"


def test_lines_of_json_without_any_are_refused_like_other_empty_files(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n \n")
    found = list(find_sources([tmp_path], MOST))
    assert [each.code for each in found if isinstance(each, Refusal)] == ["document_empty"]
    assert len(found) == 1


@pytest.mark.parametrize("name", ["page.txt", "page"])
def test_a_web_page_under_another_name_is_one(name: str) -> None:
    found = read_document(b"\n<!DOCTYPE html><html><body>seen<p hidden>unseen</p></body></html>", name)
    assert found.text.strip() == "seen"


def test_lines_of_json_with_one_id_are_documents_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 7, "text": "a"}\n{"id": "7", "text": "b"}\n{"id": 8, "text": "c"}\n')
    names = [each.name.partition("#")[2] for each in find_sources([tmp_path], MOST)]
    assert names == ["7", "7 (line 2)", "8"]


def test_a_part_that_grows_too_much_is_named_with_its_own_limit(tmp_path: Path) -> None:
    (tmp_path / "papers.zip").write_bytes(zipped({"note.txt": b"hello", "zeros.txt": b"0" * 3_000_000}))
    (found,) = find_sources([tmp_path], 1_000_000)
    assert not isinstance(found, Source)
    assert found.reason.startswith("expected zeros.txt in papers.zip to be at most 200 times its ")
    assert found.reason.endswith(" packed bytes, got '3,000,000'")
