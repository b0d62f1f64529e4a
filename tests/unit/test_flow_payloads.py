from __future__ import annotations

import enum
import json
import math
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serdab.core import SerdabError
from serdab.flow.payloads import BadClaim, NotDecodable, NotEncodable, Payloads, PayloadTooLarge, codec_of
from serdab.store import Blobs


class Kind(enum.Enum):
    INVOICE = "invoice"
    LETTER = "letter"


class Point(msgspec.Struct):
    x: float
    y: float | None = None


class Pair(NamedTuple):
    left: int
    right: str


class Line(TypedDict):
    text: str
    number: int


@dataclass
class Animal:
    name: str
    born: date | None = None
    tags: set[str] = field(default_factory=set)


@dataclass
class Dog(Animal):
    breed: str = ""


class Model(pydantic.BaseModel):
    size: int = pydantic.Field(alias="Size", ge=0)
    at: datetime | None = None
    ratio: float | None = None
    names: set[str] = set()


class Unknown:
    pass


@dataclass(eq=False)
class NoEquality:
    n: int


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no")


MODEL = Model(Size=3, at=datetime(2025, 1, 2, tzinfo=UTC), names={"a"})


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, "سرداب \0 🏠"),
        (int, 2**63 - 1),
        (int, -(10**40)),
        (bool, True),
        (None, None),
        (float, 1.5),
        (bytes, b"\x00\xff"),
        (Kind, Kind.LETTER),
        (Point, Point(1.0, None)),
        (Pair, Pair(1, "b")),
        (Line, {"text": "a", "number": 1}),
        (Animal, Animal("cat", date(2020, 2, 29), {"a", "b"})),
        (NoEquality | None, None),
        (list[Point], [Point(1.0), Point(2.0, 3.0)]),
        (dict[str, Animal], {"a": Animal("b")}),
        (dict[int, str], {1: "a"}),
        (dict[uuid.UUID, int], {uuid.UUID(int=7): 1}),
        (Animal | None, None),
        (int | str | None, "a"),
        (set[int], {1, 2}),
        (frozenset[str], frozenset({"a"})),
        (tuple[int, ...], (1, 2)),
        (tuple[int, str], (1, "a")),
        (Literal["a", "b"], "a"),
        (uuid.UUID, uuid.UUID(int=5)),
        (datetime, datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        (timedelta, timedelta(seconds=1.5)),
        (Decimal, Decimal("1.10")),
        (Path, Path("/a/b")),
        (list[Path | None], [Path("a"), None]),
        (Model, MODEL),
        (Model | None, MODEL),
        (list[Model], [MODEL, MODEL]),
        (Any, {"a": [1, 2.5, None, True, "x", {"b": []}]}),
        (object, [1]),
        (dict, {"a": 1}),
        (list, [1, "a"]),
        (Annotated[int, msgspec.Meta(ge=0)], 3),
    ],
)
def test_a_value_comes_back_as_it_was(annotation: Any, value: Any) -> None:
    codec = codec_of(annotation)
    data = codec.encode(value)
    json.loads(data)
    back = codec.decode(data)
    assert back == value
    assert type(back) is type(value)
    assert codec.settle(value) == (data, value)


@pytest.mark.parametrize(
    ("annotation", "value", "settled"),
    [
        (float, 1, 1.0),
        (list[int], (1, 2), [1, 2]),
        (Sequence[int], (1, 2), [1, 2]),
        (Any, {"a": (1, 2)}, {"a": [1, 2]}),
        (list[Kind], ["letter"], [Kind.LETTER]),
        (dict[int, Sequence[int]], {1: (1, 2)}, {1: [1, 2]}),
    ],
)
def test_what_the_annotation_allows_settles_to_what_every_replay_gives(
    annotation: Any, value: Any, settled: Any
) -> None:
    data, now = codec_of(annotation).settle(value)
    assert now == settled == codec_of(annotation).decode(data)
    assert type(now) is type(settled)


def test_a_class_without_equality_is_carried() -> None:
    codec = codec_of(NoEquality)
    assert codec.decode(codec.encode(NoEquality(3))).n == 3


cyclic: list[Any] = []
cyclic.append(cyclic)
deep: list[Any] = []
for _ in range(200_000):
    deep = [deep]


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Kind, "invoice", "to be Kind, got 'invoice'"),
        (str, 1, r"got 1; Expected `str`, got `int`"),
        (int, True, "Expected `int`, got `bool`"),
        (str, datetime(2025, 1, 1, tzinfo=UTC), "carries unchanged"),
        (uuid.UUID, str(uuid.UUID(int=5)), "to be UUID"),
        (None, 0, "to be None"),
        (Point, Point("a"), r"`\$\.x`"),  # type: ignore[arg-type]
        (list[Point], [Point(1.0), Point(None)], r"`\$\[1\]\.x`"),  # type: ignore[arg-type]
        (Animal, Dog("rex"), "to be Animal"),
        (Animal, {"name": "rex"}, "to be Animal"),
        (float, math.nan, "JSON has no nan"),
        (float, -math.inf, "JSON has no -inf"),
        (Point, Point(1.0, math.inf), r"JSON has no inf at `\$\.y`"),
        (Point, Point(math.nan), r"JSON has no nan at `\$\.x`"),
        (Any, {"a": [0.0, math.nan]}, r"JSON has no nan at `\$\.a\[1\]`"),
        (Model, Model(Size=1, ratio=math.nan), r"JSON has no nan at `\$\.ratio`"),
        (str, "a\ud800", "lone surrogate"),
        (Any, {"a\ud800": 1}, r"lone surrogate"),
        (Animal, Animal("\udfff"), r"`\$\.name` has a lone surrogate"),
        (Any, cyclic, "refers to itself"),
        (Any, deep, "nested too deep"),
        (Any, {"a": {1}}, r"`\$\.a` to be a value that JSON carries unchanged"),
        (Any, {"a": datetime(2025, 1, 1, tzinfo=UTC)}, r"`\$\.a` to be"),
        (Any, {1: "a"}, "a key"),
        (list[str], [uuid.UUID(int=3)], r"`\$\[0\]` to be"),
        (Any, Unknown(), "no way is known to write an object of .*Unknown"),
        (Any, Odd(), "whose repr fails"),
        (Any, (n for n in "ab"), "no way is known"),
        (Annotated[int, msgspec.Meta(ge=0)], -1, ">= 0"),
        (Line, {"text": "a"}, "missing required field `number`"),
    ],
    ids=lambda value: None if isinstance(value, str) else "x",
)
def test_a_value_that_cannot_be_carried_is_refused_with_its_place(annotation: Any, value: Any, reason: str) -> None:
    codec = codec_of(annotation, "the result of step classify")
    with pytest.raises(NotEncodable, match=reason) as caught:
        codec.encode(value)
    assert str(caught.value).startswith("expected the result of step classify to be ")
    assert len(str(caught.value)) < 1500
    assert caught.value.retryable is False


@pytest.mark.parametrize(
    ("annotation", "data"),
    [
        (int, b'"a"'),
        (int, b""),
        (Any, b"{"),
        (Any, b'"\xff"'),
        (Any, b"[" * 200_000),
        (Model, b'{"Size": -1}'),
        (Path, b"3"),
        (Kind, b'"book"'),
        (Any, b"\x01" * 41),
    ],
    ids=range(9),
)
def test_bytes_that_do_not_fit_are_refused(annotation: Any, data: bytes) -> None:
    with pytest.raises(NotDecodable, match=r"expected the value to be .*, got "):
        codec_of(annotation).decode(data)


@pytest.mark.parametrize("annotation", [Unknown, list[Unknown], Unknown | int, Animal | Point, msgspec.Raw, type[int]])
def test_an_annotation_that_cannot_be_carried_is_refused_at_once(annotation: Any) -> None:
    with pytest.raises(NotEncodable, match="annotated with a type that can be carried, got "):
        codec_of(annotation, "the argument x of f")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_every_json_value_comes_back(value: Any) -> None:
    codec = codec_of(Any)
    assert codec.decode(codec.encode(value)) == value


@given(st.recursive(st.floats() | st.text(st.characters()), lambda inner: st.lists(inner) | st.tuples(inner)))
def test_what_is_encoded_comes_back_or_is_refused(value: Any) -> None:
    codec = codec_of(Any)
    try:
        data, settled = codec.settle(value)
    except NotEncodable:
        assert "inf" in repr(value) or "nan" in repr(value) or not _is_unicode(repr(value))
    else:
        assert codec.decode(data) == settled
        assert b"null" not in data or "null" in repr(value)


def _is_unicode(text: str) -> bool:
    return r"\ud" not in text


def test_pydantic_is_not_imported_for_those_who_do_not_use_it() -> None:
    source = "import sys, serdab.flow.encoding as e; e.codec_of(dict).encode({}); sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


@pytest.fixture
def payloads(tmp_path: Path) -> Payloads:
    return Payloads(Blobs(tmp_path), inline_bytes=1000, most_bytes=6_000_000)


@pytest.mark.parametrize("size", [0, 2, 1000])
async def test_a_small_payload_stays_in_the_row(payloads: Payloads, size: int, tmp_path: Path) -> None:
    data = b'"' * size
    assert not payloads.needs_file(data)
    assert await payloads.pack(data) is data
    assert await payloads.unpack(data) is data
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [1001, 5_000_000])
async def test_a_large_payload_leaves_a_claim_check(payloads: Payloads, size: int) -> None:
    data = codec_of(str).encode("x" * (size - 2))
    assert payloads.needs_file(data)
    claim = await payloads.pack(data)
    assert (len(claim), claim[0]) == (41, 1)
    assert not payloads.needs_file(claim)
    assert await payloads.unpack(claim) == data
    assert await payloads.pack(data) == claim


async def test_a_payload_beyond_all_bounds_is_refused_by_name(payloads: Payloads) -> None:
    with pytest.raises(
        PayloadTooLarge, match="expected the result of step read to be at most 6,000,000 bytes, got 6000001"
    ):
        await payloads.pack(b"x" * 6_000_001, "the result of step read")


async def test_a_claim_check_that_is_damaged_is_refused(payloads: Payloads) -> None:
    claim = await payloads.pack(b"x" * 2000)
    with pytest.raises(BadClaim, match="expected a claim check to be 41 bytes"):
        await payloads.unpack(claim[:-1])
    with pytest.raises(BadClaim, match="to be 2,001 bytes, got 2000"):
        await payloads.unpack(claim[:-1] + bytes([claim[-1] + 1]))
    with pytest.raises(SerdabError, match="expected the payload"):
        await payloads.unpack(b"\x01" + bytes(40))
