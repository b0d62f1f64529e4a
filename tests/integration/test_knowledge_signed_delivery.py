"""Deliveries to a URL are signed, and the code of the how-to verifies them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from receipt_office import Office
from serdab.core import BadSetting, load_settings
from serdab.guard import Fetcher
from serdab.knowledge import Delivery
from serdab.knowledge.signing import secret_of, signature_headers

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "deliver-to-a-url.md"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture(scope="module")
def verify() -> Callable[[str, Mapping[str, str], bytes], bool]:
    """The function that the page tells the other side to use."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102 - our own page
    found: Callable[[str, Mapping[str, str], bytes], bool] = names["verify"]
    return found


async def _deliver(tmp_path: Path, office: Office, secret: str, body: bytes = b'{"a": 1}') -> None:
    settings = load_settings(
        [f"home={tmp_path}", f"guard.allow=127.0.0.1:{office.port}", f"documents.webhook_secret={secret}"], environ={}
    )
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        place = delivery.place_of(UUID(int=1), f"http://127.0.0.1:{office.port}/x")
        await delivery.deliver(place, body, "run-1/deliver#1")


@pytest.mark.parametrize("secret", [SECRET, "a text of our own, long enough"])
async def test_the_other_side_can_verify_what_it_gets(
    tmp_path: Path, office: Office, verify: Callable[..., bool], secret: str
) -> None:
    await _deliver(tmp_path, office, secret)
    headers, body = office.taken[0]
    assert verify(secret, headers, body)
    assert headers["webhook-id"] == headers["idempotency-key"] == "run-1/deliver#1"
    assert not verify(secret, headers, body + b" ")
    assert not verify("another secret, long enough", headers, body)
    assert not verify(secret, headers | {"webhook-id": "run-2"}, body)
    assert not verify(secret, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 900)}, body)


async def test_an_old_delivery_with_a_right_signature_is_refused(verify: Callable[..., bool]) -> None:
    headers = signature_headers(secret_of(SECRET), "id", 1_000_000_000, b"{}")
    assert not verify(SECRET, headers, b"{}")


async def test_without_a_secret_nothing_is_signed(tmp_path: Path, office: Office) -> None:
    await _deliver(tmp_path, office, "")
    assert not [name for name in office.taken[0][0] if name.startswith("webhook-")]


@pytest.mark.parametrize("secret", ["short", "whsec_???", "whsec_c2hvcnQ="])
async def test_a_secret_that_is_none_is_refused_and_not_shown(tmp_path: Path, office: Office, secret: str) -> None:
    with pytest.raises(BadSetting) as caught:
        await _deliver(tmp_path, office, secret)
    assert secret not in str(caught.value)
    assert office.taken == []


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks specification."""
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
