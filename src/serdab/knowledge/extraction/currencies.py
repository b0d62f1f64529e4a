"""How people mark the currency of an amount."""

from __future__ import annotations

import re

#: By the mark in lower case, the code of ISO 4217.
SYMBOLS = {
    "$": "USD", "us$": "USD", "usd": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "£": "GBP", "gbp": "GBP",
    "¥": "JPY",
    "jpy": "JPY", "円": "JPY", "￥": "CNY", "cny": "CNY", "rmb": "CNY", "元": "CNY", "rm": "MYR", "myr": "MYR",
    "c$": "CAD", "ca$": "CAD", "cad": "CAD", "a$": "AUD", "aud": "AUD", "s$": "SGD", "sgd": "SGD", "hk$": "HKD",
    "hkd": "HKD", "chf": "CHF", "fr.": "CHF", "₹": "INR", "rs.": "INR", "rs": "INR", "inr": "INR", "₺": "TRY",
    "try": "TRY",
    "₽": "RUB", "rub": "RUB", "₩": "KRW", "krw": "KRW", "zł": "PLN", "pln": "PLN", "sek": "SEK", "nok": "NOK",
    "dkk": "DKK",
    "czk": "CZK", "kč": "CZK", "r$": "BRL", "brl": "BRL", "mxn": "MXN", "zar": "ZAR", "ils": "ILS", "₪": "ILS",
    "ש\"ח": "ILS", "ש״ח": "ILS",
    "sar": "SAR", "ر.س": "SAR", "ريال": "SAR", "﷼": "SAR", "aed": "AED", "د.إ": "AED", "درهم": "AED", "egp": "EGP",
    "ج.م": "EGP", "جنيه": "EGP", "kwd": "KWD", "د.ك": "KWD", "qar": "QAR", "jod": "JOD", "دينار": "JOD",
}  # fmt: skip
#: Any of them.
MARK = "|".join(sorted((re.escape(mark) for mark in SYMBOLS), key=len, reverse=True))
#: Marks that stand before their number; words of Arabic and Chinese stand behind it.
LEADING_MARK = "|".join(
    sorted((re.escape(m) for m in SYMBOLS if ord(m[0]) < 0x600 or m in "€£¥₹₺₽₩₪￥"), key=len, reverse=True)
)
