"""Which amounts are negative though their number has no sign before it: 12.00-, (12.00), 12.00 DR, -$12.00."""

from __future__ import annotations

import re

import msgspec

from serdab.knowledge.extraction.fields import Field

#: Right behind an amount: a minus at the end of a word, or what banks write for debit and overdrawn.
_BEHIND = re.compile(r"[-−](?=[\s|]|$)| ?(?:DR|OD)\b")
#: Right before one, at the head of a word: a minus that a currency parts from its number, as in -$5.00.
_BEFORE = re.compile(r"(?:^|[\s|(:])[-−] ?$")
#: An amount in brackets fills the rest of its line; in a sentence it stands for what was written in words.
_OPENS, _CLOSES = re.compile(r"(?:^|[\t|\n\f]| {2})\($"), re.compile(r"\) {0,20}(?=[\t|\n\f]|$)")


def signed(text: str, amount: Field) -> Field:
    """An amount with the sign that the text around it gives."""
    if amount.value.startswith("-"):
        return amount
    before, behind = text[max(amount.start - 3, 0) : amount.start], text[amount.end : amount.end + 24]
    in_brackets = _OPENS.search(before) is not None and _CLOSES.match(behind) is not None
    is_negative = in_brackets or _BEHIND.match(behind) is not None or _BEFORE.search(before) is not None
    return msgspec.structs.replace(amount, value=f"-{amount.value}") if is_negative else amount
