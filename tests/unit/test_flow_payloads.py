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

from serdab.flow.payloads import NotDecodable, NotEncodable, codec_of, result_codec, signature_codec


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


def first(x: int, y: str = "a", *, z: Kind = Kind.LETTER) -> Kind:
    return z


def simple(x: int, y: str = "a") -> str:
    return y


def many(x: int, *rest: str, loud: bool = False, **more: float) -> None: ...


def untyped(a, b=2):  # type: ignore[no-untyped-def]
    return a


def only(a: int, /, b: int) -> int:
    return a + b


def nothing() -> None: ...


def documents(doc: Animal, options: dict[str, Any], labels: set[str]) -> None: ...


def modelled(model: Model) -> None: ...


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (simple, [((1,), {}), ((), {"x": 1}), ((1, "a"), {}), ((1,), {"y": "a"}), ((), {"y": "a", "x": 1})]),
        (first, [((1,), {}), ((1, "a"), {"z": Kind.LETTER}), ((), {"z": Kind.LETTER, "x": 1})]),
        (many, [((1, "a", "b"), {"k": 1.0}), ((1, "a", "b"), {"k": 1, "loud": False})]),
        (untyped, [((1,), {}), ((1, 2), {}), ((), {"b": 2, "a": 1})]),
        (only, [((1, 2), {}), ((1,), {"b": 2})]),
        (nothing, [((), {})]),
        (
            documents,
            [
                ((Animal("a", tags={"x", "y", "z"}), {"p": 1, "q": {"r": 1, "s": 2}}, {"k", "l"}), {}),
                ((Animal("a", tags={"z", "y", "x"}), {"q": {"s": 2, "r": 1}, "p": 1}, {"l", "k"}), {}),
            ],
        ),
    ],
)
def test_all_ways_to_write_one_call_have_one_digest(function: Any, calls: list[tuple[Any, Any]]) -> None:
    codec = signature_codec(function)
    digests = {codec.digest(codec.encode(args, kwargs)) for args, kwargs in calls}
    assert len(digests) == 1
    assert -(2**63) <= digests.pop() < 2**63
    read = [codec.decode(codec.encode(args, kwargs)) for args, kwargs in calls]
    assert all(call == read[0] for call in read)
    assert all(codec.decode_call(codec.call_payload(codec.encode(*call))) == read[0] for call in calls)
    function(*read[0][0], **read[0][1])


def test_the_order_of_a_dict_is_kept_for_the_function() -> None:
    codec = signature_codec(untyped)
    (given_dict, _), _ = codec.decode(codec.encode(({"b": 1, "a": 2},)))
    assert list(given_dict) == ["b", "a"]


@given(st.integers(), st.integers())
def test_other_arguments_have_another_digest(one: int, other: int) -> None:
    codec = signature_codec(simple)
    assert (codec.digest(codec.encode((one,))) == codec.digest(codec.encode((other,)))) is (one == other)


def test_a_digest_is_the_same_in_every_process() -> None:
    source = (
        "from tests.unit.test_flow_payloads import *; codec = signature_codec(documents);"
        "models = signature_codec(modelled);"
        "print(codec.digest(codec.encode((Animal('a', tags=set('abcdefgh')), {'a': 1}, set('stuvwxyz')))),"
        "models.digest(models.encode((Model(Size=1, names=set('abcdefgh')),))))"
    )
    root = Path(__file__).parents[2]
    answers = {
        subprocess.run(
            [sys.executable, "-c", source], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=root, check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        ((), {}, "missing a required argument: 'x'"),
        ((1, "a", 3), {}, "too many positional arguments"),
        ((1,), {"q": 1}, "unexpected keyword argument 'q'"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
        (("1",), {}, "expected the argument x of step simple to be int, got '1'"),
        ((1, None), {}, "expected the argument y of step simple to be str, got None"),
        ((1, "\ud800"), {}, "the argument y of step simple .*lone surrogate"),
    ],
)
def test_a_wrong_call_says_which_argument(args: Any, kwargs: Any, reason: str) -> None:
    with pytest.raises(NotEncodable, match=reason):
        signature_codec(simple, "step simple").encode(args, kwargs)


def test_arguments_that_json_would_change_are_refused() -> None:
    with pytest.raises(NotEncodable, match=r"the argument a of untyped .*`\$`"):
        signature_codec(untyped).encode((datetime(2025, 1, 1, tzinfo=UTC),))
    with pytest.raises(NotEncodable, match=r"JSON has no nan at `\$\.q`"):
        signature_codec(documents).encode((Animal("a"), {"q": math.nan}, set()))


@pytest.mark.parametrize("data", [b'["a","b"]', b"[]", b"{}", b"[1,2,3]", b"", b'[1,"\xff"]'])
def test_recorded_arguments_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(NotDecodable):
        signature_codec(simple).decode(data)
    with pytest.raises(NotDecodable):
        signature_codec(simple).decode_call(data)


def test_arguments_added_since_get_their_defaults() -> None:
    assert signature_codec(simple).decode(b"[4]") == ((4, "a"), {})
    assert signature_codec(first).decode(b'[4,"b"]') == ((4, "b"), {"z": Kind.LETTER})
    assert signature_codec(many).decode(b"[4]") == ((4,), {"loud": False})


def test_keywords_of_a_call_are_read_by_their_annotations() -> None:
    assert signature_codec(first).decode_call(b'[[1],{"z":"invoice"}]') == ((1, "a"), {"z": Kind.INVOICE})
    assert signature_codec(many).decode_call(b'[[1,"q"],{"k":2}]') == ((1, "q"), {"loud": False, "k": 2.0})


def test_names_that_are_not_there_at_run_time_are_an_error_at_decoration() -> None:
    def broken(x: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NotEncodable, match=r"names that exist at run time, got .*Missing"):
        signature_codec(broken)


def test_a_result_without_annotation_is_a_json_value() -> None:
    assert result_codec(untyped).encode({"a": 1}) == b'{"a":1}'
    with pytest.raises(NotEncodable, match="expected the result of first to be Kind, got 'invoice'"):
        result_codec(first).encode("invoice")


def test_pydantic_is_not_imported_for_those_who_do_not_use_it() -> None:
    source = "import sys, serdab.flow.encoding as e; e.codec_of(dict).encode({}); sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
