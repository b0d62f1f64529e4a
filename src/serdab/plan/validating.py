"""The door to comparing estimates with measured rows; what fits needs is imported behind it."""

from __future__ import annotations

from serdab.plan.errors_of import Score
from serdab.plan.tables import Tables


def validate(tables: Tables) -> list[Score]:
    """All lines of the validation, for the tables that are there; fits anew without each device and group.

    Needs numpy and scipy (the extra `documents`).
    """
    from serdab.plan.validation import check_tables

    return check_tables(tables)
