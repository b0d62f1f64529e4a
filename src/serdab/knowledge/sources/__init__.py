"""Where documents come from by themselves: watched folders and mailboxes, durable and nothing twice."""

from serdab.knowledge.sources.addresses import FolderSource, MailboxSource, WatchedSource, read_source, read_sources
from serdab.knowledge.sources.errors import BadSource, MailboxAway, MailboxRefused
from serdab.knowledge.sources.watching import Watched, watch_sources

__all__ = [
    "BadSource",
    "FolderSource",
    "MailboxAway",
    "MailboxRefused",
    "MailboxSource",
    "Watched",
    "WatchedSource",
    "read_source",
    "read_sources",
    "watch_sources",
]
