"""What is secret in a text that is shown, logged or kept: passwords and tokens in URLs and connection strings."""

from __future__ import annotations

import re

_SENSITIVE = "password|secret|token|authorization|api_?key|signature"
_SECRET = re.compile(_SENSITIVE, re.IGNORECASE)
_PASSWORD = re.compile(r"\b(\w{1,20}://[^\s:/@?#]{0,300}):[^\s'\"]{1,2000}@")
#: Where a web address has a user alone, that is a token.
_USER = re.compile(r"\b(https?://)[^\s:/@?#'\"]{1,4000}@", re.IGNORECASE)
#: `?token=…` of a webhook, `password=…` of a connection string.
_SECRET_VALUE = re.compile(rf"((?:{_SENSITIVE})=)[^\s&'\"]{{1,4000}}", re.IGNORECASE)
#: `?sig=…` and the like: short names that mean a secret in an address alone.
_SECRET_QUERY = re.compile(r"([?&](?:auth|code|key|pass|pwd|sig)=)[^\s&'\"]{1,4000}", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether the name of a field says that its value is secret."""
    return _SECRET.search(name) is not None


def without_passwords(text: str) -> str:
    """A text whose URLs and connection strings have lost their passwords and tokens."""
    if "@" in text:
        text = _USER.sub(r"\1…@", _PASSWORD.sub(r"\1:…@", text))
    return _SECRET_QUERY.sub(r"\1…", _SECRET_VALUE.sub(r"\1…", text)) if "=" in text else text
