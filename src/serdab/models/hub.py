"""The token of a hub: who gets it, and what is said when it was not enough."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address

from yarl import URL

from serdab.core import Settings

#: Answers of a hub that keeps a model from us.
REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def hub_headers(settings: Settings, url: str) -> Mapping[str, str]:
    """Headers for one URL: the token, where the URL is of the hub itself and nobody on the way can read it.

    A redirect to another host, scheme or port loses them: the client drops `Authorization` where the origin changes.

    Args:
        settings: `models.hub_url` and `models.hub_token`.
        url: what is to be called.
    """
    token = settings.models.hub_token
    if not token or not settings.models.hub_url:
        return {}
    try:
        asked, hub = URL(url), URL(settings.models.hub_url)
        is_hub = asked.origin() == hub.origin()
    except ValueError:
        return {}
    return {"Authorization": f"Bearer {token}"} if is_hub and (asked.scheme == "https" or _is_here(asked)) else {}


def _is_here(url: URL) -> bool:
    try:
        return url.host == "localhost" or ip_address(url.host or "").is_loopback
    except ValueError:
        return False


def todo_of_refusal(headers: Mapping[str, str]) -> str:
    """What to do when a hub keeps a model from us, by whether it got the token."""
    if "Authorization" in headers:
        return "is the token right, and were the terms of the model accepted on the hub?"
    return "gated models need models.hub_token or HF_TOKEN; it is sent to models.hub_url alone, and over https only"
