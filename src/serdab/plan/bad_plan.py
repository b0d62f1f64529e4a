"""What may be wrong with a question to a plan.

BadInput
└── BadPlan            a number, name or combination that no plan can be made of
"""

from __future__ import annotations

from serdab.core import BadInput


class BadPlan(BadInput):
    """A number, a name or a combination was given that no plan can be made of."""

    code = "bad_plan"
