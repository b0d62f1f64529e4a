"""How a text is built, whatever it says: lines that end in amounts, clauses, heads of mails. Each trait is 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

#: A trait of a text, for what a schema weighs; most tell how far something that counts was found often enough.
Trait = Literal[
    "no_amounts", "amount_lines", "dated_amounts", "clauses", "defined_names", "sentences", "year_spans", "mail_head",
    "greeting", "quoting", "time", "card",
]  # fmt: skip
#: Characters from which on a cell is a sentence.
LONG_CELL = 70
#: Cells at the head that are looked at for what begins a mail.
MAIL_CELLS = 10
_AMOUNT = re.compile(
    r"\d[.,٫]\d\d(?!\d)|\d[., ٬]\d{3}(?!\d)|[€$£¥₹] ?\d|\d ?[€円元원]|"
    r"\b(?:eur|usd|gbp|rm|rs|kr) ?\d|\t\d{1,9}[.,]\d(?:\n|$)"
)
_AMOUNT_ENDS = re.compile(r"\d(?:[.,٫]\d\d|[., ٬]\d{3})[ \t]?-?(?:\b[a-z]{1,4}|[^\w\s.]{1,2}|[円元원])?\.?$")
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}(?:[./-](?:\d{2,4})?)?(?!\d)|\d{1,2}\.? [^\W\d]{3,9}\b")
_DECIMALS = re.compile(r"\d[.,٫]\d\d(?!\d)")
#: What a line of the head of a mail begins with: who writes, to whom, about what.
_WRITERS = frozenset((
    "from", "email_from", "von", "de", "da", "fra", "fran", "od", "van", "lahettaja", "felado", "от", "від",
    "kimden", "dari", "expediteur", "remitente", "mittente", "من", "发件人", "寄件者", "差出人", "보낸 사람",
    "보낸사람", "מאת",
))  # fmt: skip
_READERS = frozenset((
    "to", "an", "a", "til", "till", "do", "komu", "aan", "para", "vastaanottaja", "cimzett", "catre", "кому",
    "kime", "kepada", "destinataire", "destinatario", "إلى", "收件人", "宛先", "받는 사람", "받는사람", "אל",
))  # fmt: skip
_SUBJECTS = frozenset((
    "subject", "betreff", "objet", "asunto", "oggetto", "emne", "amne", "onderwerp", "assunto", "temat",
    "predmet", "aihe", "targy", "subiect", "тема", "konu", "subjek", "perihal", "θεμα", "الموضوع", "主题", "主旨",
    "件名", "제목", "נושא",
))  # fmt: skip
_GREETING = re.compile(
    r"\s{0,9}(?:re: [^\n]{1,80}\s{1,9})?(?:dear|hi|hello|hey|good (?:morning|afternoon|day)|hallo|liebe[rs]?|"
    r"sehr geehrte[rs]?|guten tag|"
    r"bonjour|bonsoir|ch[e]re?s?|hola|buenos dias|estimad[oa]s?|ciao|buongiorno|gentile|egregio|beste|geachte|hej|"
    r"hei|kjaere|ola|prezad[oa]s?|bom dia|caro|dzien dobry|szanown[iy]|witam|dobry den|vazen[iy]|kedves|tisztelt|"
    r"buna ziua|stimat[ea]?|здравствуите|добрыи день|уважаем\w{2}|привет|добрии день|шановн\w{1,2}|merhaba|sayin|"
    r"γεια|αγαπητ\w{1,2}|السلام عليكم|تحية طيبة|السادة (?:الكرام|المحترم)\w{0,2}|您好|你好|尊敬的|안녕하세요|שלום|"
    r"halo|selamat|kinh gui|xin chao)\b[^\n]{0,50}"
)
_QUOTING = re.compile(
    r"(?:^|\n)(?:> ?\S|-{2,20} ?(?:forwarded|original)|on [^\n]{5,100} wrote:|"
    r"am [^\n]{5,100} schrieb|le [^\n]{5,100} a ecrit)"
)
#: What ends a letter, on a line of its own; a mail to a person that begins with a greeting ends with it.
_CLOSING = re.compile(
    r"\n\s{0,9}(?:(?:kind|best|warm) (?:regards|wishes)|regards|best|thanks|thank you|many thanks|cheers|"
    r"sincerely|yours|"
    r"mit (?:freundlichen|besten) gru|(?:viele|beste|liebe) gru|cordialement|bien a vous|saludos|un saludo|"
    r"atentamente|cordiali saluti|distinti saluti|met vriendelijke|med venlig|med vanlig|vennlig hilsen|hilsen|"
    r"mvh|atenciosamente|pozdrawiam|z powazaniem|s pozdravem|terveisin|udvozlettel|cu stima|с уважением|з повагою|"
    r"saygilarimla|με εκτιμηση|مع (?:خالص |أطيب )?التحي|وتفضلوا بقبول|وتقبلوا|此致|敬上|감사합니다|בברכה|hormat|"
    r"tran trong)"
)
_CLAUSE = re.compile(
    r"\n[ \t]*(?:§ ?\d|\d{1,2}\. [^\W\d]|\d{1,2}\.\d{1,2}\.? |(?:article|artikel|articulo|articolo|artigo|section|"
    r"clause|clausula|madde|pasal|art\.|статья|стаття|cl\.) ?\d|第.{1,3}条)"
)
_DEFINED_NAME = re.compile(r"\([^()\n]{0,40}[\"“„«][^\"”“»\n]{2,40}[\"”“»]\)")
_YEAR_SPAN = re.compile(r"(?:19|20)\d\d ?(?:-|–|—|to|bis|a|au) ?(?:\d\d/)?(?:(?:19|20)\d\d|[^\W\d]{4,9}|\n)")
_TIME = re.compile(r":(?<=\d:)[0-5]\d(?!\d)")
_CARD = re.compile(r"[*x]{4,16} ?\d{4}(?!\d)")


def traits_of(head: str, cells: Sequence[str]) -> dict[Trait, float]:
    """All traits of a folded text, which comes also as its cells: lines, parted where columns are."""
    lines = head.split("\n")
    characters = sum(map(len, cells)) or 1
    return {
        "no_amounts": 0.0 if _AMOUNT.search(head) else 1.0,
        "amount_lines": _share((_AMOUNT_ENDS.search(line, max(len(line) - 14, 0)) for line in lines), 3),
        "dated_amounts": _share((_DATE.match(line) and _DECIMALS.search(line, 5, 160) for line in lines), 3),
        "clauses": _share(_CLAUSE.finditer(head), 3),
        "defined_names": _share(_DEFINED_NAME.finditer(head), 1),
        "sentences": sum(len(cell) for cell in cells if len(cell) >= LONG_CELL) / characters,
        "year_spans": _share(_YEAR_SPAN.finditer(head), 2),
        "mail_head": _mail_head(cells),
        "greeting": _greeting(head),
        "quoting": 1.0 if _QUOTING.search(head) else 0.0,
        "time": 1.0 if _TIME.search(head) else 0.0,
        "card": 1.0 if ("**" in head or "xxx" in head) and _CARD.search(head) else 0.0,
    }


def _share(found: Iterable[object], enough: int) -> float:
    """How far what was found reaches a number, 0 to 1."""
    return sum(1 for _ in islice(filter(None, found), enough)) / enough


def _mail_head(cells: Sequence[str]) -> float:
    """Whether two of writer, reader and subject stand at the head, or the subject before everything else."""
    kinds = set()
    for place, cell in enumerate(cells[:MAIL_CELLS]):
        name, colon, _ = cell.replace("：", ":").partition(":")
        if not colon or len(name) > 20:
            continue
        name = name.strip(" *>")
        kinds |= {number for number, names in enumerate((_WRITERS, _READERS, _SUBJECTS)) if name in names}
        if place == 0 and name in _SUBJECTS:
            return 1.0
    return 1.0 if len(kinds) >= 2 else 0.0


def _greeting(head: str) -> float:
    """Whether a text begins with a greeting, and whether it ends as a letter does."""
    found = _GREETING.match(head)
    if found is None:
        return 0.0
    return 1.0 if _CLOSING.search(head, found.end()) else 0.5
