"""Names of companies and people: how they are shaped, and one way of writing for each legal form."""

from __future__ import annotations

import re

#: Legal forms and words that only a company's name ends with, as they are written.
LEGAL_FORM = (
    r"(?:Inc(?:orporated)?|INC(?:ORPORATED)?|Incorporation|Corp(?:oration)?|CORP(?:ORATION)?|L\.?L\.?C|L\.?L\.?P|L\.?P|"
    r"Ltd|LTD|Limited|LIMITED|PLC|plc|P\.?L\.?C|GmbH|GMBH|AG|KG|S\.?A\.?R\.?L|SARL|S\.A|SE|B\.V|BV|N\.V|NV|N\.A|A/S|"
    r"S\.?p\.?A|S\.?r\.?l|Oy|AB|ASA|Co|CO|Company|COMPANY|Companies|COMPANIES|SDN\.? ?BHD|Sdn\.? ?Bhd|BHD|Bhd|"
    r"Pte|PTE|Pty|PTY|Bancorp|BANCORP|Trust|Foundation|University)"
)
#: Words in small letters within names on the Continent, always followed by another part of the name: Klinik am Ring.
WITHIN = r"(?:am|im|an der|unter den|zum|zur|beim|du|des|de la|de los|de|del|della|di)"
#: Articles before a name, which are none of it.
_ARTICLES = re.compile(r"(?:Die|Der|Das|Dem|Den|Zwischen|Firma|La société|La sociedad) (?=[A-ZÀ-Þ])")
#: Longest name of a company, words and characters; of 306 receipts the longest have 8 and 49.
MOST_NAME_WORDS = 10
MOST_NAME_CHARACTERS = 70
#: Characters from which on a line is taken to go on in the next.
FULL_LINE = 60
#: What ends a clause: full stops only after whole words, or "Sdn. Bhd." would be two.
_CLAUSE_END = re.compile(r"[?!;|，。？！；؟،؛…]|[a-z\u0620-\u064a]{4}\.(?:\s|$)|[,:]$")
_FORMS = {
    "inc": "Inc.", "incorporated": "Inc.", "ltd": "Ltd.", "limited": "Ltd.", "llc": "LLC", "llp": "LLP", "lp": "LP",
    "plc": "PLC", "corp": "Corp.", "co": "Co.",
}  # fmt: skip
_JOINT = re.compile(r",? (?:and|AND) ")
#: Characters before a name in which its short form is looked for.
_NEAR = 3_500
_LAST = re.compile(r",? ((?:[A-Za-z]\.?){2,4}|[A-Za-z]{2,12})\.?,?$")
_ABBREVIATIONS = re.compile(r"\b([A-Za-z]\.){2,4}")


#: The end of a line with which no name ends: the rest of it stands in the next line.
_LINK = re.compile(
    r"(?:[^\W\d_]-|&|\+|(?<!\w)(?:and|of|for|und|für|der|des|et|de|du|la|del|y|di|della|delle|voor|van|en|och|för|og|"
    r"ja|oraz|dla|pro|para|do|da|dos|w|ve))$",
    re.I,
)

_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n\s{0,40}(?=([a-zß-ÿ])|[A-ZÀ-Þ])")


def ends_with_link(line: str) -> bool:
    """Whether a line ends within a name: Werkzeug- und, Trust for, Smith &."""
    return _LINK.search(line, max(len(line) - 8, 0)) is not None


def joined_lines(written: str) -> str:
    """A name in one line, with single spaces, and without the hyphen where a word goes on in the next line."""
    return " ".join(_HYPHEN.sub(lambda match: "" if match[1] else "-", written).split())


def words_of(listed: str) -> frozenset[str]:
    """The words of a list that is written as a text, so that it can be read."""
    return frozenset(listed.split())


def behind_joint(text: str, start: int, end: int) -> int:
    """Where a company's name begins if "and" stands in what was taken for it: behind it where the left is another."""
    for match in reversed(list(_JOINT.finditer(text, start, end))):
        left, before = text[start : match.start()].rstrip(" ,"), text[max(start - 8, 0) : start]
        # Behind "as" stands a role, behind "in" a place: registered in England, and the other company.
        is_other = before.endswith((" as ", " as the ", " in ", *([" of "] if match[0][0] == "," else [])))
        near = text[max(start - _NEAR, 0) : end]
        if is_other or re.search(rf"\d|{LEGAL_FORM}\.?$", left) or f"“{left}”" in near or f'"{left}"' in near:
            return match.end()
    return start


def behind_article(text: str, start: int, end: int) -> int:
    """Where a name begins behind its article, if two words of it are left."""
    article = _ARTICLES.match(text, start, end)
    return article.end() if article is not None and " " in text[article.end() : end] else start


def plain_name(written: str) -> str:
    """A name with single spaces, `&` as "and", and its legal form written in one way: Inc., Ltd., LLC, LP."""
    name = " ".join(written.replace("&", " and ").split()).strip(" ,;:")
    last = _LAST.search(name)
    if last is not None:
        form = _FORMS.get(last[1].replace(".", "").lower())
        if form is not None:
            name = f"{name[: last.start()]} {form}"
    return name


def may_be_name(line: str) -> bool:
    """Whether a line may be the name of a company: short, no clause ends in it, not mostly words in lower case."""
    words = line.split()
    lower = sum(word[0].islower() for word in words)
    is_short = len(words) <= MOST_NAME_WORDS and len(line) <= MOST_NAME_CHARACTERS
    return is_short and not _CLAUSE_END.search(line) and (len(words) <= 2 or lower * 2 <= len(words))


def folded_name(name: str) -> str:
    """What two ways of writing one name have in common: letters and digits, without case."""
    return re.sub(r"[\W_]+", "", name).upper()
