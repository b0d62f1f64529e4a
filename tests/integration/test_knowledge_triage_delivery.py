"""Receipts arrive whole and once: in folders and at real servers."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from uuid import UUID

import pytest

from receipt_office import Office
from serdab.core import Settings, load_settings
from serdab.guard import Denied, Fetcher
from serdab.knowledge import BadDelivery, Delivery, DeliveryFailed, DeliveryRefused
from serdab.knowledge.delivery import asked_pause_s

FIRST = UUID(int=1)


def _settings(tmp_path: Path, *more: str) -> Settings:
    return load_settings([f"home={tmp_path}", *more], environ={})


async def _delivered(settings: Settings, body: bytes, deliver_to: str = "", key: str = "k1") -> str:
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        place = delivery.place_of(FIRST, deliver_to)
        await delivery.deliver(place, body, key)
        return place


async def test_a_receipt_becomes_a_file_named_by_its_document(tmp_path: Path) -> None:
    place = await _delivered(_settings(tmp_path), b'{"a": 1}')
    assert Path(place) == tmp_path / "deliveries" / f"{FIRST}.json"
    assert Path(place).read_bytes() == b'{"a": 1}'
    assert await _delivered(_settings(tmp_path), b'{"a": 1}') == place
    assert [file.name for file in Path(place).parent.iterdir()] == [f"{FIRST}.json"]


async def test_the_folder_is_the_settings_or_the_documents_own(tmp_path: Path) -> None:
    settings = _settings(tmp_path, f"documents.deliver_to={tmp_path}/out")
    assert Path(await _delivered(settings, b"{}")).parent == tmp_path / "out"
    assert Path(await _delivered(settings, b"{}", f"{tmp_path}/own")).parent == tmp_path / "own"


async def test_many_receipts_at_once_all_arrive(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        places = [delivery.place_of(UUID(int=n)) for n in range(200)]
        await asyncio.gather(*(delivery.deliver(place, place.encode(), "k") for place in places))
    assert all(Path(place).read_text() == place for place in places)


async def test_receipts_of_one_document_that_come_at_once_do_not_mix_and_the_last_one_stays(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    bodies = [f"{number}".encode() * number * 100_000 for number in (1, 4, 3, 2)]
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        place = delivery.place_of(FIRST)
        await delivery.deliver(place, bodies[-1], "k")
        for _ in range(20):
            arriving = asyncio.gather(*(delivery.deliver(place, body, "k") for body in bodies))
            while not arriving.done():
                assert Path(place).read_bytes() in bodies
                await asyncio.sleep(0)
            assert Path(place).read_bytes() == bodies[-1]
    assert [file.name for file in Path(place).parent.iterdir()] == [f"{FIRST}.json"]


async def test_a_folder_that_cannot_be_one_fails_alone_and_for_good(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = _settings(tmp_path)
    async with Fetcher.of(settings) as fetcher, Delivery(settings, fetcher) as delivery:
        good, bad = delivery.place_of(FIRST), delivery.place_of(FIRST, f"{tmp_path}/file/below")
        results = await asyncio.gather(
            delivery.deliver(bad, b"{}", "k"), delivery.deliver(good, b"{}", "k"), return_exceptions=True
        )
    assert isinstance(results[0], BadDelivery)
    assert results[0].retryable is False
    assert results[1] is None
    assert Path(good).exists()


@pytest.mark.parametrize("place", ["ftp://example.com/x", "s3://bucket", "a\0b"])
async def test_a_place_that_is_neither_folder_nor_address_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(BadDelivery, match="folder or an http"):
        await _delivered(_settings(tmp_path), b"{}", place)


async def test_a_receipt_is_posted_with_its_key(tmp_path: Path, office: Office) -> None:
    settings = _settings(tmp_path, f"guard.allow=127.0.0.1:{office.port}")
    url = f"http://127.0.0.1:{office.port}/receipts"
    assert await _delivered(settings, b'{"a": 1}', url, "run-1") == url
    assert await _delivered(settings, b'{"a": 1}', url, "run-1") == url
    assert [(headers["idempotency-key"], body) for headers, body in office.taken] == [("run-1", b'{"a": 1}')] * 2


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_a_fault_of_the_other_side_may_be_tried_again(tmp_path: Path, office: Office, status: int) -> None:
    office.status = status
    settings = _settings(tmp_path, f"guard.allow=127.0.0.1:{office.port}")
    with pytest.raises(DeliveryFailed, match=f"got '{status} said the office'"):
        await _delivered(settings, b"{}", f"http://127.0.0.1:{office.port}/")


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 409, 422])
async def test_a_refusal_is_for_good(tmp_path: Path, office: Office, status: int) -> None:
    office.status = status
    settings = _settings(tmp_path, f"guard.allow=127.0.0.1:{office.port}")
    with pytest.raises(DeliveryRefused, match=str(status)) as caught:
        await _delivered(settings, b"{}", f"http://127.0.0.1:{office.port}/?token=secret")
    assert caught.value.retryable is False
    assert "secret" not in str(caught.value)
    assert len(office.taken) == 1


async def test_an_address_that_is_not_allowed_is_never_called(tmp_path: Path, office: Office) -> None:
    with pytest.raises(Denied) as caught:
        await _delivered(_settings(tmp_path), b"{}", f"http://127.0.0.1:{office.port}/")
    assert caught.value.retryable is False
    assert office.taken == []


@pytest.mark.parametrize(
    ("asked", "pause_s"),
    [
        ("6", 6), ("Sun, 22 Nov 2026 00:00:07 GMT", 7), ("Sat, 21 Nov 2026 23:00:00 GMT", 0), ("86400", 600),
        ("9" * 400, 600), ("", 0), ("soon", 0), ("-5", 0), ("²", 0),
    ],
)  # fmt: skip
def test_the_pause_that_an_answer_asks_for_is_kept_but_bounded(asked: str, pause_s: float) -> None:
    now_s = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC).timestamp()
    assert asked_pause_s(asked, now_s) == pause_s
