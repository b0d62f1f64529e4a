"""One thing that was found in a text."""

from __future__ import annotations

import msgspec


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its place: `text[start:end]` is what was read."""

    #: date, amount, total, party, id, email, phone, iban, url, address, company.
    kind: str
    #: In one form for all ways of writing: ISO date, decimal number with currency, digits without spaces.
    value: str
    start: int
    end: int
    #: 0 to 1, by rule: checked digits are surer than a word that looks like a name.
    confidence: float
    reason: str
