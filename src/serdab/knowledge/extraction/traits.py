"""How a text is built, whatever it says: lines that end in amounts, clauses, heads of mails. Each trait is 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

#: A trait of a text; the trait `sentences` is the share of its characters that stand in long lines.
Trait = Literal[
    "amounts", "amount_lines", "dated_amounts", "clauses", "defined_names", "sentences", "year_spans", "mail_head",
    "greeting", "quoting", "time", "card", "iban",
]  # fmt: skip
#: Characters from which on a cell is a sentence.
LONG_CELL = 70
_CELLS = re.compile(r"[\n\t\f|]| {2,}")
_AMOUNT = r"\d[\d.,' ]{0,14}[.,]\d\d(?!\d)|\d{1,3}(?:[., ]\d{3}){1,3}(?!\d)"
_DATE = r"\d{1,4}[./-]\d{1,2}(?:[./-](?:\d{2,4})?)?(?!\d)|\d{1,2}\.? [a-z]{3,9}\b"
_HEAD_OF_MAIL = re.compile(
    r"(?:(?:^|\n|\|)[ *>]{0,4})(?:(from|email_from|von|de|da|fra|fran|od|od kogo|van|lahettaja|felado|от|від|kimden|dari|"
    r"expediteur|remitente|mittente|من|发件人|寄件者|差出人|보낸 사람|보낸사람|מאת)|"
    r"(subject|betreff|objet|asunto|oggetto|emne|amne|onderwerp|assunto|temat|predmet|aihe|targy|subiect|тема|konu|"
    r"subjek|perihal|θεμα|الموضوع|主题|主旨|件名|제목|נושא)|"
    r"(to|an|a|til|till|do|komu|aan|para|vastaanottaja|cimzett|catre|кому|kime|kepada|destinataire|destinatario|"
    r"إلى|收件人|宛先|받는 사람|받는사람|אל))[ *]{0,3}[:：]"
)
_GREETING = re.compile(
    r"\s{0,9}(?:re: [^\n]{1,80}\s{1,9})?(?:dear|hi|hello|hey|good (?:morning|afternoon|day)|hallo|liebe[rs]?|sehr geehrte[rs]?|guten tag|"
    r"bonjour|bonsoir|ch[e]re?s?|hola|buenos dias|estimad[oa]s?|ciao|buongiorno|gentile|egregio|beste|geachte|hej|"
    r"hei|kjaere|ola|prezad[oa]s?|bom dia|caro|dzien dobry|szanown[iy]|witam|dobry den|vazen[iy]|kedves|tisztelt|"
    r"buna ziua|stimat[ea]?|здравствуите|добрыи день|уважаем\w{2}|привет|добрии день|шановн\w{1,2}|merhaba|sayin|"
    r"γεια|αγαπητ\w{1,2}|السلام عليكم|您好|你好|尊敬的|안녕하세요|שלום|halo|selamat|kinh gui|xin chao)\b[^\n]{0,50}\n"
)
_QUOTING = re.compile(r"\n> ?\S|\n-{2,20} ?(?:forwarded|original)|\non [^\n]{5,100} wrote:|\nam [^\n]{5,100} schrieb[^\n]{0,60}:|\nle [^\n]{5,100} a ecrit")
#: What ends a letter, on a line of its own; a mail to a person that begins with a greeting ends with it.
_CLOSING = re.compile(
    r"\n\s{0,9}(?:(?:kind|best|warm) (?:regards|wishes)|regards|best|thanks|thank you|many thanks|cheers|sincerely|yours|"
    r"mit (?:freundlichen|besten) gru|(?:viele|beste|liebe) gru|cordialement|bien a vous|saludos|un saludo|"
    r"atentamente|cordiali saluti|distinti saluti|met vriendelijke|med venlig|med vanlig|vennlig hilsen|hilsen|"
    r"mvh|atenciosamente|pozdrawiam|z powazaniem|s pozdravem|terveisin|udvozlettel|cu stima|с уважением|з повагою|"
    r"saygilarimla|με εκτιμηση|مع التحية|此致|敬上|감사합니다|בברכה|hormat|tran trong)"
)

def _several(pattern: str, enough: int) -> Callable[[str], float]:
    """How far the matches of a pattern in folded text reach a number, 0 to 1."""
    compiled = re.compile(pattern)

    def count(head: str) -> float:
        found = 0
        for _ in compiled.finditer(head):
            found += 1
            if found == enough:
                break
        return found / enough

    return count

def _sentences(head: str) -> float:
    cells = _CELLS.split(head)
    return sum(len(cell) for cell in cells if len(cell) >= LONG_CELL) / (sum(map(len, cells)) or 1)

def _mail_head(head: str) -> float:
    kinds = {match.lastindex for match in _HEAD_OF_MAIL.finditer(head[:700])}
    return 1.0 if len(kinds) >= 2 else 0.0

def _greeting(head: str) -> float:
    """Whether a text begins with a greeting and ends as a letter does."""
    found = _GREETING.match(head)
    return 1.0 if found and _CLOSING.search(head, found.end() - 1) else 0.0

_READERS: dict[Trait, Callable[[str], float]] = {
    "amounts": _several(_AMOUNT, 1),
    "amount_lines": _several(rf"(?:{_AMOUNT})[ \t]?(?:[a-z€$£¥]{{1,4}})?[ \t]*(?:\n|$)", 3),
    "dated_amounts": _several(rf"(?:^|\n)[ ]*(?:{_DATE})[^\n]{{3,120}}?\d[.,]\d\d(?!\d)", 3),
    "clauses": _several(
        r"\n[ \t]*(?:§ ?\d|\d{1,2}\. [^\W\d]|\d{1,2}\.\d{1,2}\.? |(?:article|artikel|articulo|articolo|artigo|section|clause|clausula|"
        r"madde|pasal|art\.|статья|стаття|cl\.) ?\d|第.{1,3}条)",
        3,
    ),
    "defined_names": _several(r"\([^()\n]{0,40}[\"“„«][^\"”“»\n]{2,40}[\"”“»]\)", 1),
    "sentences": _sentences,
    "year_spans": _several(r"(?:19|20)\d\d ?(?:-|–|—|to|bis|a|au) ?(?:\d\d/)?(?:(?:19|20)\d\d|[^\W\d]{4,9}|\n)", 2),
    "mail_head": _mail_head,
    "greeting": _greeting,
    "quoting": lambda head: 1.0 if _QUOTING.search(head) else 0.0,
    "time": _several(r"(?<![\d:])[012]?\d[:.-][0-5]\d(?:[:-][0-5]\d)?(?: ?[ap]m)?(?![\d:.,])", 1),
    "card": _several(r"[*x]{4,16} ?\d{4}(?!\d)|\b(?:visa|mastercard|maestro|girocard|amex|dankort|contactless|pos)\b", 1),
    "iban": _several(r"\b[a-z]{2}\d\d(?: ?[a-z0-9]{4}){3}", 1),
}

def traits_of(head: str) -> dict[Trait, float]:
    """All traits of a folded text."""
    return {name: read(head) for name, read in _READERS.items()}

