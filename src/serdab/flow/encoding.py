"""Typed values to JSON and back, validated both ways: what is written is what will be read again.

SerdabError
└── BadInput
    ├── NotEncodable    a value that its annotation, or JSON, cannot carry; or an annotation that we cannot
    └── NotDecodable    recorded bytes that the annotation does not (any more) allow

The bytes are JSON in UTF-8 by `msgspec`. pydantic models are carried too, without importing pydantic.
"""

from __future__ import annotations

import inspect
import math
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

import msgspec
from msgspec import inspect as types

from serdab.core import BadInput, expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

#: Classes of which every instance can be written, and is read back equal: they need no second look.
_CERTAIN = frozenset({str, int, bool, type(None), bytes, UUID, date, datetime, time, timedelta, Decimal})
#: Annotations made of these alone are JSON values: equality tells whether something was lost.
_JSON_TYPES = (
    types.AnyType, types.NoneType, types.BoolType, types.IntType, types.FloatType, types.StrType, types.ListType,
    types.DictType, types.CollectionType, types.TupleType, types.VarTupleType, types.UnionType, types.LiteralType,
)  # fmt: skip
_UNORDERED_TYPES = (
    types.AnyType,
    types.DictType,
    types.TypedDictType,
    types.SetType,
    types.FrozenSetType,
    types.CustomType,
)
_CONTAINERS = (list, tuple, set, frozenset)


class NotEncodable(BadInput):
    """A value cannot be carried as its annotation says."""

    code = "not_encodable"
    retryable: ClassVar[bool] = False


class NotDecodable(BadInput):
    """Recorded bytes do not fit the annotation."""

    code = "not_decodable"
    retryable: ClassVar[bool] = False


def _pydantic_model() -> type | None:
    return getattr(sys.modules.get("pydantic"), "BaseModel", None)


def _write_custom(value: Any) -> Any:
    """What `msgspec` should write for an object it does not know."""
    model = _pydantic_model()
    if model is not None and isinstance(value, model):
        return value.model_dump(mode="json", by_alias=True, round_trip=True)  # type: ignore[attr-defined]
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"no way is known to write an object of {type(value).__module__}.{type(value).__qualname__}")


def _read_custom(kind: type, value: Any) -> Any:
    """The object of a class that `msgspec` does not know."""
    model = _pydantic_model()
    if model is not None and issubclass(kind, model):
        return kind.model_validate_json(msgspec.json.encode(value))  # type: ignore[attr-defined]
    if not isinstance(value, str):
        raise TypeError(f"Expected `str` for a path, got `{type(value).__name__}`")
    return kind(value)


def _write_canonical(value: Any) -> Any:
    """As `_write_custom`, but leaves the sets of a pydantic model to be sorted."""
    model = _pydantic_model()
    if model is not None and isinstance(value, model):
        try:
            return msgspec.to_builtins(value.model_dump(by_alias=True), order="deterministic")  # type: ignore[attr-defined]
        except TypeError:
            return _write_custom(value)
    return _write_custom(value)


write: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=_write_custom).encode
write_canonical: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=_write_canonical, order="deterministic").encode


def reader(annotation: Any) -> Callable[[bytes], Any]:
    """The function that reads values of an annotation."""
    return msgspec.json.Decoder(annotation, dec_hook=_read_custom).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the codecs need to know of an annotation."""

    #: Nothing but JSON values can be in it.
    is_json: bool
    #: It may hold a dict or a set, whose order is an accident.
    is_unordered: bool
    #: A `null` in the bytes may stand for a float that JSON does not have, and neither reading nor equality tells.
    may_hide_null: bool


def shape_of(annotation: Any, what: str) -> Shape:
    """Look through an annotation.

    Raises:
        NotEncodable: it is, or contains, a type that cannot be carried.
    """
    try:
        found = _parts(types.type_info(annotation), {})
    except (TypeError, ValueError, NameError) as error:
        raise NotEncodable(
            expected(what, "annotated with a type that can be carried", annotation, str(error))
        ) from error
    for part in found:
        if isinstance(part, types.ExtType | types.RawType) or (
            isinstance(part, types.CustomType) and not _is_known(part.cls)
        ):
            raise NotEncodable(
                expected(
                    what, "annotated with a type that can be carried", annotation,
                    "use JSON values, dataclasses, msgspec Structs, pydantic models, enums, dates, UUID, Decimal, Path",
                )
            )  # fmt: skip
    is_json = all(isinstance(part, _JSON_TYPES) for part in found)
    return Shape(
        is_json=is_json,
        is_unordered=any(isinstance(part, _UNORDERED_TYPES) for part in found),
        may_hide_null=not is_json and any(_may_hide_null(part) for part in found),
    )


def _may_hide_null(part: types.Type) -> bool:
    if isinstance(part, types.UnionType):
        return part.includes_none and any(isinstance(each, types.FloatType) for each in part.types)
    return isinstance(part, types.AnyType | types.CustomType)


def _is_known(kind: Any) -> bool:
    model = _pydantic_model()
    return isinstance(kind, type) and (issubclass(kind, PurePath) or (model is not None and issubclass(kind, model)))


def _parts(info: Any, seen: dict[int, Any]) -> list[Any]:
    if isinstance(info, tuple):
        return [part for item in info for part in _parts(item, seen)]
    if isinstance(info, types.Field):
        return _parts(info.type, seen)
    if not isinstance(info, types.Type) or id(info) in seen:
        return []
    seen[id(info)] = info
    return [info, *(part for name in info.__struct_fields__ for part in _parts(getattr(info, name), seen))]


def name_of(annotation: Any) -> str:
    """How a reader would write an annotation."""
    return annotation.__name__ if isinstance(annotation, type) else repr(annotation).replace("typing.", "")


def difference(value: Any, back: Any, path: str = "$") -> tuple[str, Any] | None:
    """The first place where what would be read back is not what was given, as (path, value given)."""
    if type(value) is type(back) and not isinstance(value, (*_CONTAINERS, dict)):
        return None
    if isinstance(value, list | tuple) and isinstance(back, _CONTAINERS) and len(value) == len(back):
        pairs = zip(value, back, strict=True) if isinstance(back, list | tuple) else ()
        return _first(difference(one, other, f"{path}[{n}]") for n, (one, other) in enumerate(pairs))
    if isinstance(value, dict) and isinstance(back, dict):
        if strange := [key for key in value if key not in back]:
            return f"{path} (a key)", strange[0]
        return _first(difference(one, back[key], f"{path}.{key}") for key, one in value.items())
    return None if value == back else (path, value)


def fault(value: Any, path: str = "$") -> str | None:
    """Say where in a builtin value is something that JSON does not have, if anywhere."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"JSON has no {value} at `{path}`; use None or a str instead"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"the text at `{path}` has a lone surrogate, which UTF-8 does not; decode it with errors='replace'"
    if isinstance(value, dict):
        return _first(
            found
            for key, item in value.items()
            for found in (fault(key, f"{path} (a key)"), fault(item, f"{path}.{key}"))
        )
    if isinstance(value, list | tuple):
        return _first(fault(item, f"{path}[{n}]") for n, item in enumerate(value))
    return None


def _first(findings: Iterable[T | None]) -> T | None:
    return next((finding for finding in findings if finding is not None), None)


def fault_of(value: Any) -> str | None:
    """As `fault`, for any value that can be written; None also when it cannot be looked through."""
    try:
        return fault(msgspec.to_builtins(value, enc_hook=_write_custom))
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None


def why_not(value: Any, error: Exception) -> str:
    """What to tell the author of a value that could not be written."""
    if isinstance(error, RecursionError):
        return "it refers to itself or is nested too deep; JSON is a tree"
    return fault_of(value) or str(error)


@dataclass(slots=True, kw_only=True)
class Codec:
    """Writes and reads the values of one annotation. Make it by `codec_of`, once."""

    #: What errors call the value: "the result of step classify".
    what: str
    annotation: Any
    shape: Shape
    #: The class whose every instance is right, if there is one.
    certain: type
    _read: Callable[[bytes], Any] = field(repr=False)
    _is_json: bool = field(repr=False)
    _may_hide_null: bool = field(repr=False)

    def encode(self, value: Any) -> bytes:
        """JSON of a value.

        Raises:
            NotEncodable: the value contradicts the annotation or cannot be carried.
        """
        if type(value) is self.certain:
            try:
                return write(value)
            except Exception as error:
                raise self._refused(value, why_not(value, error)) from error
        return self.settle(value)[0]

    def settle(self, value: Any) -> tuple[bytes, Any]:
        """JSON of a value, and the value as it will be read from it: give that to whoever asked, now and later.

        They differ where the annotation allows it: a tuple for a list, an int for a float, a text for an enum.

        Raises:
            NotEncodable: the value contradicts the annotation or cannot be carried.
        """
        kind = type(value)
        try:
            data = write(value)
            if kind is self.certain:
                return data, value
            back = self._read(data)
        except Exception as error:
            raise self._refused(value, why_not(value, error)) from error
        if type(back) is not kind or (self._is_json and back != value) or (self._may_hide_null and b"null" in data):
            self.compare(value, back)
        return data, back

    def compare(self, value: Any, back: Any) -> None:
        """Look closely at a value that may have come back as another one.

        Raises:
            NotEncodable: it did.
        """
        if (reason := fault_of(value)) is not None:
            raise self._refused(value, reason)
        if (found := difference(value, back)) is not None:
            path, part = found
            raise self._refused(value, expected(f"`{path}`", "a value that JSON carries unchanged", part))

    def decode(self, data: bytes) -> Any:
        """The value of its JSON.

        Raises:
            NotDecodable: the bytes are no JSON or do not fit the annotation.
        """
        try:
            return self._read(data)
        except (ValueError, TypeError, RecursionError) as error:
            shown = bytes(memoryview(data)[:200]).decode(errors="replace")
            raise NotDecodable(expected(self.what, name_of(self.annotation), shown, str(error))) from error

    def _refused(self, value: Any, reason: str) -> NotEncodable:
        return NotEncodable(expected(self.what, name_of(self.annotation), _Shown(value), reason))


class _Shown:
    """A value whose own `repr` may fail."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        try:
            return repr(self.value)
        except Exception as error:  # noqa: BLE001 - the repr of a user's object may fail in any way; the message says so
            return f"<{type(self.value).__name__} whose repr fails: {type(error).__name__}>"


def codec_of(annotation: Any, what: str = "the value") -> Codec:
    """The codec of an annotation; none at all, like `Any`, means every JSON value. Make it once: that costs 100 µs.

    Args:
        annotation: an evaluated annotation, never a string.
        what: how errors call the value.

    Raises:
        NotEncodable: the annotation is, or contains, a type that cannot be carried.
    """
    if annotation is inspect.Signature.empty or annotation is object:
        annotation = Any
    shape = shape_of(annotation, what)
    certain = type(None) if annotation is None else annotation
    return Codec(
        what=what, annotation=annotation, shape=shape, _read=reader(annotation),
        _is_json=shape.is_json, _may_hide_null=shape.may_hide_null,
        certain=certain if isinstance(certain, type) and certain in _CERTAIN else _Shown,
    )  # fmt: skip
