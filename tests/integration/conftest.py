"""What several tests of parts together need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from receipt_office import Office, open_office


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with open_office() as here:
        yield here
