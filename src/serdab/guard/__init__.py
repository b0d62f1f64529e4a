"""Nothing leaves the house unless it was listed: the one outbound client and its rules."""

from serdab.guard.allowing import AllowList
from serdab.guard.errors import (
    BadAllowList,
    BadHeader,
    CallFailed,
    Denied,
    DeniedAddress,
    DeniedHost,
    DeniedUrl,
    ReplyRefused,
)
from serdab.guard.fetching import IDEMPOTENCY_HEADER, Fetcher, Reply, Resolver, check_mailbox, check_url, is_success

__all__ = [
    "IDEMPOTENCY_HEADER",
    "AllowList",
    "BadAllowList",
    "BadHeader",
    "CallFailed",
    "Denied",
    "DeniedAddress",
    "DeniedHost",
    "DeniedUrl",
    "Fetcher",
    "Reply",
    "ReplyRefused",
    "Resolver",
    "check_mailbox",
    "check_url",
    "is_success",
]
