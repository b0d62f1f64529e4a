"""Bytes to characters: by a mark, as UTF-8, as declared, else by which encoding gives letters that people write."""

from __future__ import annotations

import codecs
import re

from serdab.core import expected
from serdab.knowledge.reading.refusals import MalformedDocument

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Bytes that are looked at to guess an encoding, and characters of them that are weighed.
SAMPLE = 200_000
_WEIGHED = 4000
#: Share of control characters from which on text is taken for something else.
MOST_CONTROLS = 0.05
#: Share of bytes that may be broken in what is still taken for UTF-8.
_MOST_BROKEN = 0.01
_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0e-\x1f]")
_FOREIGN = re.compile(rb"[\x80-\xff]")

#: encoding → characters that are frequent in texts that come in it. Order decides between equals.
_FREQUENT = {
    "gb18030": "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动"
            "同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自"
            "二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日"
            "那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变"
            "条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总"
            "次品式活设及管特件长求老头，。、：；（）？！“”",
    "shift_jis": "のはをにたがでてとしれさるいあもかりこなすよらまそっくきうどけせわつえおめちみン"
            "スルトイラリクドアシレジタフロカプテバコマサムキ、。ー日本人大一",
    "euc_kr": "이다는의에가을하고지은로한를기어사도나자리아시서그인라대정스해일수보부것있들게제"
            "과적와으만전면상원구동주여성공우",
    "big5": "的一是在不了有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動"
            "同工也能下過子說產種面而方後多定行學法所民得經十三之進著等部度家電力裡如水化高自"
            "二理起小物現實加量都兩體制機當使點從業本去把性好應開它合還因由其些然前外天政四日"
            "那社義事平形相全表間樣與關各重新線內數正心反你明看原又麼利比或但質氣第向道命此變"
            "條只沒結解問意，。、",
    "euc_jp": "のはをにたがでてとしれさるいあもかりこなすよらまそっくきうどけせわつえおめちみン"
            "スルトイラリクドアシレジタフロカプテバコマサムキ、。ー日本人大一",
    "cp1252": "éèàäöüßçñáíóúêôâîëïùûãõåæøœ’‘“”–—…«»°§€£¿¡ÄÖÜÉÀÅÆØÇÑÓ•·®©\xa0",
    "cp1256": "اليمنرتبوهعدسكفحقةشجىأإخصطضزثءذئغظآؤ،؟؛ًٌٍَُِّْـ",
    "cp1255": "יוהלאתרמבשנעקדחםפסןכגטצזךףץ",
    "cp1251": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфёіїє«»–—№„“",
    "koi8-r": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё",
    "cp866": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфё",
    "cp1253": "αοιετσνηυρπκμλςωγδχθφβξζψάίέόήύώ",
    "cp1254": "ışğçöüİŞĞâÇÖÜ’“”",
    "cp1250": "ąęłśżźćńóřšžčáíéůěýőűťďňŠŽČŁŚ„”–",
    "cp874": "านรอกเงมยลวดทสตะปบคหแจพชขใไโผซิีึืุูเ่้็"
            "์ั",
}  # fmt: skip
#: The first are the most frequent, and count for more.
_WEIGHTS = {
    name: {letter: 1 - 0.4 * place / len(letters) for place, letter in enumerate(letters)}
    for name, letters in _FREQUENT.items()
}
_SIGNS = ("gb18030", "shift_jis", "euc_kr", "big5", "euc_jp")
#: Letters of Latin alphabets that stand alone between others; of these scripts a whole word is written.
_LATIN = ("cp1252", "cp1254", "cp1250")
_MIXED = re.compile(r"[A-Za-z][\u0370-\u07ff\u0e00-\u0e7f]|[\u0370-\u07ff\u0e00-\u0e7f][A-Za-z]")
_CAPITALS_WITHIN = re.compile(r"[a-zà-öø-ÿа-яёα-ω][A-ZÀ-ÖØ-ÞА-ЯЁΑ-Ω]")
_LATIN_RUN = re.compile(r"[\u00c0-\u024f]{3,}")


def decode(data: bytes, declared: str | None = None) -> str:
    """Text of bytes.

    Args:
        data: the whole text.
        declared: the encoding that something outside names; it is followed where it fits.

    Raises:
        MalformedDocument: no encoding makes text of it.
    """
    text = _decoded(data, declared)
    sample = text[:SAMPLE]
    controls = len(_CONTROLS.findall(sample))
    if controls > MOST_CONTROLS * len(sample) + 8:
        raise MalformedDocument(expected("the document", "text", f"{controls:,} control characters"))
    return text


def _decoded(data: bytes, declared: str | None) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    wide = _wide(data)
    if wide:
        return data.decode(wide, "replace")
    if b"\x1b$" in data[:SAMPLE]:
        return data.decode("iso2022_jp", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    named = _fitting(data, declared)
    if named is not None:
        return named
    text = data.decode("utf-8", "replace")
    broken, foreign = text.count("\ufffd"), len(_FOREIGN.findall(data[:SAMPLE]))
    if broken <= max(1, _MOST_BROKEN * foreign) and foreign > 8 * broken:
        return text
    return data.decode(guess_encoding(data), "replace")


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark has zeros in every second place, or few values there."""
    head = data[:2000]
    zeros = head.count(0)
    if zeros * 4 < len(head) or len(head) % 2:
        return None
    even = head[::2].count(0)
    if even * 10 >= zeros * 9:
        return "utf-16-be"
    return "utf-16-le" if even * 10 <= zeros else None


def _fitting(data: bytes, declared: str | None) -> str | None:
    if not declared:
        return None
    try:
        codec = codecs.lookup(declared.strip().strip("\"'")[:40])
        # Codecs like zip unfold; only those of text are followed.
        name = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": "utf-8"}.get(
            codec.name, codec.name
        )
        return data.decode(name) if codec._is_text_encoding and "idna" not in name else None
    except (LookupError, ValueError):
        return None


def guess_encoding(data: bytes) -> str:
    """The encoding that makes the most usual letters of bytes that are no UTF-8."""
    first = _FOREIGN.search(data)
    start = max(0, (first.start() if first else 0) - 40)
    sample = data[start : start + SAMPLE]
    scores = {name: _score(sample, name) for name in _FREQUENT}
    return max(scores, key=lambda name: scores[name])


def _score(sample: bytes, name: str) -> float:
    """From -1 to 1: how usual the letters beyond ASCII are."""
    text = sample.decode(name, "replace")[:_WEIGHED]
    foreign = [char for char in text if char > "\x7f"]
    if not foreign:
        return -1.0
    weights = _WEIGHTS[name]
    usual = sum(weights.get(char.lower(), 0.0) for char in foreign)
    broken = text.count("\ufffd") + sum(
        1 for char in foreign if "\x80" <= char < "\xa0" or "\ue000" <= char <= "\uf8ff"
    )
    # The last sign of a sample may be cut.
    score = (usual - 4.0 * max(0, broken - 1)) / len(foreign)
    if name in _SIGNS:
        # The most frequent signs make up half of a text: what is beside them is no fault.
        return min(1.0, score * 2)
    capitals = sum(1 for char in foreign if char.isupper())
    score -= (2.0 * len(_MIXED.findall(text)) + 2.0 * len(_CAPITALS_WITHIN.findall(text))) / len(foreign)
    score -= 0.3 * capitals / len(foreign)
    if name == "cp874":  # nearly every byte is a Thai letter
        score -= 0.2
    if name in _LATIN:
        score -= 3.0 * len(_LATIN_RUN.findall(text)) / len(foreign)
    return score
