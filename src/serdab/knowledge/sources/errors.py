"""What can go wrong with watched folders and mailboxes.

SerdabError
├── BadInput
│   └── BadSource           what is to be watched is neither a folder nor a mailbox
├── MailboxRefused          the mailbox does not let us in
└── Unavailable
    └── MailboxAway         the mail server is not there now
"""

from __future__ import annotations

from serdab.core import BadInput, SerdabError, Unavailable


class BadSource(BadInput):
    """What is to be watched is neither a folder nor a mailbox."""

    code = "bad_source"


class MailboxRefused(SerdabError):
    """The mailbox does not let us in: the user, the password or the folder is wrong."""

    code = "mailbox_refused"


class MailboxAway(Unavailable):
    """The mail server is not there now; trying again later may help."""

    code = "mailbox_away"
