"""Whole calls as bytes: one form for every way to write the same call, and a digest of it."""

from __future__ import annotations

import inspect
import typing
from hashlib import blake2b
from inspect import Parameter
from typing import TYPE_CHECKING, Any

import msgspec

from serdab.core import expected
from serdab.flow.encoding import (
    Codec,
    NotDecodable,
    NotEncodable,
    codec_of,
    name_of,
    reader,
    why_not,
    write,
    write_canonical,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NONE: Mapping[str, Any] = {}
_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Evaluated annotations of a function.

    Raises:
        NotEncodable: a name in them is not there at run time.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise NotEncodable(
            expected(
                f"the annotations of {function.__qualname__}", "names that exist at run time", str(error),
                "import them outside `if TYPE_CHECKING`, and define them at the top of a module",
            )
        ) from error  # fmt: skip


def result_codec(function: Callable[..., Any], what: str = "") -> Codec:
    """The codec of what a function returns; without an annotation, JSON values."""
    return codec_of(hints_of(function).get("return", Any), what or f"the result of {function.__name__}")


def _annotation(parameter: Parameter, hint: Any) -> Any:
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return list[hint]
    if parameter.kind is Parameter.VAR_KEYWORD:
        return dict[str, hint]
    return hint


class ArgumentsCodec:
    """Writes and reads the arguments of one function as `[first, second, …]`, defaults filled in."""

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        hints = hints_of(function)
        self.what = what
        self._signature = inspect.signature(function)
        self._parameters = list(self._signature.parameters.values())
        self._codecs = [
            codec_of(_annotation(p, hints.get(p.name, Any)), f"the argument {p.name} of {what}")
            for p in self._parameters
        ]
        annotations = tuple(codec.annotation for codec in self._codecs)
        self._read = reader(tuple[annotations] if annotations else tuple[()])  # type: ignore[valid-type]
        self._read_call = msgspec.json.Decoder(tuple[list[msgspec.Raw], dict[str, msgspec.Raw]]).decode
        self._certain = tuple(codec.certain for codec in self._codecs)
        self._is_simple = all(
            p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for p in self._parameters
        )
        self._count = len(self._parameters)
        self._most_positional = sum(p.kind is Parameter.POSITIONAL_OR_KEYWORD for p in self._parameters)
        self._is_plain = all(
            p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY) for p in self._parameters
        )
        self._is_json = any(codec.shape.is_json for codec in self._codecs)
        self._may_hide_null = any(codec.shape.may_hide_null for codec in self._codecs)
        self._is_unordered = any(codec.shape.is_unordered for codec in self._codecs)

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any] = _NONE) -> bytes:
        """JSON of a call; `f(1)`, `f(x=1)` and a default of 1 give the same bytes.

        Raises:
            NotEncodable: the call does not fit the signature, or an argument does not fit its annotation.
        """
        values = args if self._is_simple and not kwargs and len(args) == self._count else self._bind(args, kwargs)
        kinds = tuple(map(type, values))
        try:
            data = write(values)
            if kinds == self._certain:
                return data
            back = self._read(data)
        except Exception as error:
            self._blame(values)
            raise NotEncodable(
                expected(f"the call of {self.what}", "encodable", values, why_not(values, error))
            ) from error
        if (
            kinds != tuple(map(type, back))
            or (self._is_json and values != back)
            or (self._may_hide_null and b"null" in data)
        ):
            for codec, value, again in zip(self._codecs, values, back, strict=True):
                if type(value) is not codec.certain:
                    codec.compare(value, again)
        return data

    def decode(self, data: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call of its JSON, as (args, kwargs) to call the function with.

        Arguments that a newer signature has added are filled with their defaults.

        Raises:
            NotDecodable: the bytes do not fit the signature and its annotations.
        """
        try:
            values = self._read(data)
        except (ValueError, TypeError, RecursionError) as error:
            values = self._decode_each(data, error)
        return (values, {}) if self._is_simple else self._spread(values)

    def decode_call(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call of JSON in the form `[args, kwargs]`, every argument read by its annotation.

        Raises:
            NotDecodable: the bytes do not fit the signature and its annotations.
        """
        try:
            args, kwargs = self._read_call(payload)
            bound = self._signature.bind(*args, **kwargs).arguments
        except (ValueError, TypeError, RecursionError) as error:
            raise NotDecodable(
                expected(f"the call of {self.what}", "[args, kwargs]", payload[:200], str(error))
            ) from error
        values = []
        for parameter, codec in zip(self._parameters, self._codecs, strict=True):
            if parameter.name in bound:
                given = bound[parameter.name]
                values.append(codec.decode(write(given) if parameter.kind in _VARIABLE else given))
            else:
                values.append(_absent(parameter))
        return self._spread(values)

    def call_payload(self, data: bytes) -> bytes:
        """What `encode` gave, in the form `[args, kwargs]` that `decode_call` reads."""
        if self._is_simple:
            return b"[" + data + b",{}]"
        return write(self._spread(msgspec.json.decode(data, type=list[msgspec.Raw]), raw=True))

    def canonical(self, data: bytes) -> bytes:
        """What `encode` gave, with dicts and sets in an order of their own."""
        return write_canonical(self._read(data)) if self._is_unordered else data

    def digest(self, data: bytes) -> int:
        """A signed 64-bit digest of what `encode` gave; the order of dicts and sets does not change it."""
        return int.from_bytes(blake2b(self.canonical(data), digest_size=8).digest(), "big", signed=True)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        if self._is_plain and (values := self._bind_plain(args, kwargs)) is not None:
            return values
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            given = ", ".join([*(name_of(type(arg)) for arg in args), *(f"{name}=…" for name in kwargs)])
            raise NotEncodable(
                expected(f"the arguments of {self.what}", f"{self._signature}", f"({given})", str(error))
            ) from error
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    def _bind_plain(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """What `inspect` does for the usual kinds of arguments, five times as fast; None for a call that is wrong."""
        if len(args) > self._most_positional:
            return None
        values = list(args)
        used = 0
        for parameter in self._parameters[len(args) :]:
            if parameter.name in kwargs:
                used += 1
                values.append(kwargs[parameter.name])
            elif parameter.default is not Parameter.empty:
                values.append(parameter.default)
            else:
                return None
        return tuple(values) if used == len(kwargs) else None

    def _blame(self, values: tuple[Any, ...]) -> None:
        for codec, value in zip(self._codecs, values, strict=True):
            codec.encode(value)

    def _decode_each(self, data: bytes, error: Exception) -> tuple[Any, ...]:
        try:
            raws = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (ValueError, RecursionError):
            raws = None
        if raws is None or len(raws) > self._count:
            shown = bytes(data[:200]).decode(errors="replace")
            raise NotDecodable(
                expected(f"the arguments of {self.what}", f"{self._signature}", shown, str(error))
            ) from error
        values = [codec.decode(raw) for codec, raw in zip(self._codecs, raws, strict=False)]
        for parameter in self._parameters[len(raws) :]:
            values.append(_absent(parameter))
            if values[-1] is Parameter.empty:
                raise NotDecodable(
                    expected(
                        f"the argument {parameter.name} of {self.what}", "recorded", "nothing", "give it a default"
                    )
                )
        return tuple(values)

    def _spread(self, values: Any, raw: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter, value in zip(self._parameters, values, strict=True):
            if parameter.kind in _VARIABLE:
                many = parameter.kind is Parameter.VAR_POSITIONAL
                value = (
                    msgspec.json.decode(value, type=list[msgspec.Raw] if many else dict[str, msgspec.Raw])
                    if raw
                    else value
                )
            if parameter.kind is Parameter.VAR_POSITIONAL:
                args.extend(value)
            elif parameter.kind is Parameter.VAR_KEYWORD:
                kwargs.update(value)
            elif parameter.kind is Parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = value
            else:
                args.append(value)
        return tuple(args), kwargs


def _absent(parameter: Parameter) -> Any:
    empty: dict[Any, Any] = {Parameter.VAR_POSITIONAL: [], Parameter.VAR_KEYWORD: {}}
    return empty.get(parameter.kind, parameter.default)


def signature_codec(function: Callable[..., Any], what: str = "") -> ArgumentsCodec:
    """The codec of the calls of a function. Costs some 100 µs: make it at decoration.

    Args:
        function: a function with annotated arguments; one without annotation takes JSON values.
        what: how errors call the function: "step classify".

    Raises:
        NotEncodable: an annotation is, or contains, a type that cannot be carried.
    """
    return ArgumentsCodec(function, what or function.__name__)
