"""Workflows that no worker knows."""

from __future__ import annotations

import pytest

from serdab.app import BadModule, check_known
from serdab.store import Database


async def test_whoever_starts_an_unknown_workflow_hears_which_module_is_missing(database: Database) -> None:
    with pytest.raises(BadModule, match=r"the workflow order, .*--set workers\.modules=orders`"):
        await check_known(database, "order", "orders")
