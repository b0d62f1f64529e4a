"""What the guard says no to, and what goes wrong on the way out.

SerdabError
├── Denied                  a call may not be made
│   ├── DeniedUrl           … its URL is not one that is ever called
│   ├── DeniedHost          … its host is not in `guard.allow`
│   └── DeniedAddress       … its host leads to an address inside the house
├── BadInput
│   ├── BadAllowList        `guard.allow` cannot be read
│   └── BadHeader           a header cannot be sent
├── ReplyRefused            the answer is too large, or packed in a way that is not read
└── Unavailable
    └── CallFailed          no answer came: connection, name, TLS or time
"""

from __future__ import annotations

from typing import ClassVar

from serdab.core import BadInput, SerdabError, Unavailable


class Denied(SerdabError):
    """The call may not be made; `guard.allow` lists what may be called."""

    code = "denied"
    #: For the engine of steps: the same again would be denied again.
    retryable: ClassVar[bool] = False


class DeniedUrl(Denied):
    """The URL is not one that is ever called."""

    code = "denied_url"


class DeniedHost(Denied):
    """The host is not in `guard.allow`."""

    code = "denied_host"


class DeniedAddress(Denied):
    """The host leads to an address inside the house."""

    code = "denied_address"


class BadAllowList(BadInput):
    """The setting `guard.allow` cannot be read."""

    code = "bad_allow_list"


class BadHeader(BadInput):
    """A header cannot be sent."""

    code = "bad_header"


class ReplyRefused(SerdabError):
    """The answer is too large, or packed in a way that is not read."""

    code = "reply_refused"


class CallFailed(Unavailable):
    """No answer came; trying again later may help."""

    code = "call_failed"
