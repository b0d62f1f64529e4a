from __future__ import annotations

import enum
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serdab.flow.arguments import result_codec, signature_codec
from serdab.flow.encoding import NotDecodable, NotEncodable


class Kind(enum.Enum):
    INVOICE = "invoice"
    LETTER = "letter"


@dataclass
class Animal:
    name: str
    tags: set[str] = field(default_factory=set)


class Model(pydantic.BaseModel):
    size: int
    names: set[str] = set()


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
        "from tests.unit.test_flow_arguments import *; codec = signature_codec(documents);"
        "models = signature_codec(modelled);"
        "print(codec.digest(codec.encode((Animal('a', tags=set('abcdefgh')), {'a': 1}, set('stuvwxyz')))),"
        "models.digest(models.encode((Model(size=1, names=set('abcdefgh')),))))"
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
