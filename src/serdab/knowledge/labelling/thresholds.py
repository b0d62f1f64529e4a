"""From which confidence on a verdict needs no look: where the cost of errors and of looks is least."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy

from serdab.core import expected
from serdab.knowledge.errors import BadLabels

#: Held-out rows from which on the threshold is chosen by what they cost; of fewer, confidence is believed.
LEAST_CHOSEN = 50


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What things cost, in any one unit."""

    #: A wrong label that nobody looked at.
    wrong: float = 10.0
    #: A look by a person.
    look: float = 1.0

    def __post_init__(self) -> None:
        """Check.

        Raises:
            BadLabels: a cost is not positive, or too large to reckon with.
        """
        for name, value in (("a wrong label", self.wrong), ("a look", self.look)):
            if not 0 < value < 1e12:
                raise BadLabels(expected(f"the cost of {name}", "above 0", value))


def threshold_by_belief(costs: Costs) -> float:
    """The least confidence at which an error costs less than a look, confidence believed; 0 to 1."""
    return max(0.0, 1.0 - costs.look / costs.wrong)


def choose_threshold(confidences: Sequence[float], right: Sequence[bool], costs: Costs) -> float:
    """The least threshold of least cost on held-out rows; 0 to 1, and never lower when errors cost more.

    Below all that was held out nothing is known of what is right, and confidence is believed.

    Args:
        confidences: of verdicts that were not learned from.
        right: whether each was right.
        costs: of an error and of a look.
    """
    if len(confidences) < LEAST_CHOSEN:
        return threshold_by_belief(costs)
    told, true = numpy.asarray(confidences, float), numpy.asarray(right, bool)
    order = numpy.argsort(told, kind="stable")
    told, wrong = told[order], ~true[order]
    # Threshold i: rows before i are looked at, the others taken.
    looked = numpy.arange(len(told) + 1)
    taken_wrong = wrong.sum() - numpy.concatenate([[0], numpy.cumsum(wrong)])
    first_of_its_kind = numpy.concatenate([[True], told[1:] != told[:-1], [True]])
    cost = numpy.where(first_of_its_kind, looked * costs.look + taken_wrong * costs.wrong, numpy.inf)
    # In units of a look, so that equal costs are equal whatever the unit; the first of equal ones is the lowest.
    best = int(numpy.argmin(numpy.round(cost / costs.look, 9)))
    if best == 0:
        return min(float(told[0]), threshold_by_belief(costs))
    if best == len(told):
        return 1.0
    below, above = float(told[best - 1]), float(told[best])
    between = below + (above - below) / 2
    # Two neighbours among the floats have nothing between them: what is taken begins at the upper one.
    return between if between > below else above


def cost_of(confidences: Sequence[float], right: Sequence[bool], threshold: float, costs: Costs) -> float:
    """What errors and looks cost a verdict on average with a threshold."""
    told, true = numpy.asarray(confidences, float), numpy.asarray(right, bool)
    taken = told >= threshold
    total = (taken & ~true).sum() * costs.wrong + (~taken).sum() * costs.look
    return float(total) / max(1, len(told))
