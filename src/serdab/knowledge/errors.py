"""What can go wrong with what the house knows.

SerdabError
├── BadInput
│   ├── BadLabels           a file of labels cannot be used
│   ├── BadEvaluation       a file to evaluate with cannot be used
│   ├── BadSchema           a schema of documents cannot be used
│   ├── BadDelivery         the place that receipts go to cannot be one
│   └── OtherMaker          vectors of two models or precisions would be mixed
├── DeliveryRefused         the other side answered that it will not take this receipt
└── Unavailable
    ├── IndexAway           the database that holds the index is not there now
    └── DeliveryFailed      the receipt did not arrive; trying again may help
"""

from __future__ import annotations

from typing import ClassVar

from serdab.core import BadInput, SerdabError, Unavailable

#: For whoever uses a set of labels that somebody removes meanwhile.
REMOVED = "expected the set of labels to stay while it is used, got its removal; see `serdab labels list`"


class BadLabels(BadInput):
    """The file of labels cannot be used."""

    code = "bad_labels"


class BadSchema(BadInput):
    """The schema of documents cannot be used."""

    code = "bad_schema"


class BadEvaluation(BadInput):
    """The file to evaluate with cannot be used."""

    code = "bad_evaluation"


class BadDelivery(BadInput):
    """The place that receipts go to is neither a folder nor an http(s) URL."""

    code = "bad_delivery"
    retryable: ClassVar[bool] = False


class OtherMaker(BadInput):
    """The vectors of the documents were made by another model, or in another precision."""

    code = "other_maker"
    retryable: ClassVar[bool] = False


class DeliveryRefused(SerdabError):
    """The other side answered that it will not take this receipt."""

    code = "delivery_refused"
    #: For the engine of steps: the same again would be refused again.
    retryable: ClassVar[bool] = False


class IndexAway(Unavailable):
    """The database that holds the index is not there now; trying again later may help."""

    code = "index_away"


class DeliveryFailed(Unavailable):
    """The receipt did not arrive; trying again later may help."""

    code = "delivery_failed"

    @property
    def retry_after_s(self) -> float:
        """How long the other side asks to be left alone, seconds."""
        return float(self.facts.get("retry_after_s", 0.0))
