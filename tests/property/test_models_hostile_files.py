"""Hostile files: whatever stands in them, reading ends soon, within bounds, with an answer or with our own error."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serdab.core import SerdabError
from serdab.models import BadModelFile
from serdab.models.headers.config_shape import read_config, shape_of_config
from serdab.models.headers.gguf import CHUNK, GgufHead, read_gguf
from serdab.models.headers.gguf_shape import shape_of_gguf
from serdab.models.headers.gguf_strings import chain_begins, chain_breaks, jump, walk
from serdab.models.headers.safetensors import MOST_TENSORS, read_safetensors
from serdab.models.headers.stores import Reading
from serdab.models.headers.tensors import count
from serdab.testing.model_files import gguf_head, llama_metadata, llama_tensors, text

HEAD, SIZE = gguf_head(llama_metadata(2), llama_tensors(2))
#: Places of numbers that say how much follows.
MOST_PIECES = 2_000


def drive(reading: Reading[Any], data: bytes) -> tuple[Any, int]:
    """Run a reader over bytes in memory: what it says, and how many bytes it asked for."""
    asked = 0
    try:
        span = next(reading)
        for _ in range(MOST_PIECES):
            asked += span.size
            assert span.offset >= 0
            assert span.size > 0
            span = reading.send(data[span.offset : span.offset + span.size])
    except StopIteration as end:
        return end.value, asked
    raise AssertionError("expected the reader to end")


def read_head(data: bytes, file_size: int, sparse: bool = False) -> GgufHead:
    head, asked = drive(read_gguf(data[:CHUNK], file_size, sparse), data)
    assert asked <= 40 * max(len(data), CHUNK)
    assert isinstance(head, GgufHead)
    return head


@given(st.binary(max_size=400), st.booleans(), st.integers(0, 1 << 40))
def test_any_bytes_after_the_magic_are_read_or_refused(data: bytes, sparse: bool, file_size: int) -> None:
    whole = b"GGUF" + struct.pack("<I", 3) + data
    try:
        read_head(whole, max(file_size, len(whole)), sparse)
    except BadModelFile:
        return


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(4, len(HEAD) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
def test_changed_bytes_give_a_head_that_holds_or_our_error(changes: list[tuple[int, int]], sparse: bool) -> None:
    data = bytearray(HEAD)
    for place, value in changes:
        data[place] = value
    try:
        head = read_head(bytes(data), SIZE, sparse)
        assert sum(tensor.bytes for tensor in head.tensors) <= SIZE
        shape = shape_of_gguf(head, head.tensors, count(head.tensors), "m")
        assert 0 <= shape.active_parameters <= shape.parameters
        assert shape.depth >= 1
    except SerdabError:
        return


@given(st.integers(0, len(HEAD) - 1), st.sampled_from([0, 1, 0xFF, 1 << 20, 1 << 32, 1 << 62, (1 << 64) - 1]))
def test_absurd_counts_and_lengths_are_refused_without_being_believed(place: int, value: int) -> None:
    data = HEAD[:place] + struct.pack("<Q", value) + HEAD[place + 8 :]
    try:
        read_head(data, max(SIZE, len(data)))
    except SerdabError:
        return


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (struct.pack("<QQ", 1 << 60, 0), "number of tensors"),
        (struct.pack("<QQ", 0, 1 << 60), "number of keys"),
        (struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1 << 60), "length of a key"),
        (struct.pack("<QQ", 0, 1) + text("a") + struct.pack("<IQ", 8, 1 << 50), "its head"),
        (struct.pack("<QQ", 0, 1) + text("a") + struct.pack("<IIQ", 9, 8, 1 << 60), "array of strings"),
        (struct.pack("<QQ", 0, 1) + text("a") + struct.pack("<IIQ", 9, 4, 1 << 60), "its head"),
        (struct.pack("<QQ", 0, 1) + text("a") + struct.pack("<II", 9, 9) * 9 + bytes(80), "nested"),
        (
            struct.pack("<QQ", 0, 1) + text("a") + struct.pack("<IIQ", 9, 9, 1) * 1 + struct.pack("<IQ", 9, 1) * 40,
            "nested",
        ),
        (
            struct.pack("<QQ", 0, 1)
            + text("a")
            + struct.pack("<IIQ", 9, 9, 2)
            + (struct.pack("<IQ", 9, 4000) + struct.pack("<IQ", 0, 0) * 4000) * 2,
            "4,096 arrays in all",
        ),
        (struct.pack("<QQ", 0, 1) + text("a") + struct.pack("<I", 77), "type of a"),
        (struct.pack("<QQ", 0, 1) + text("general.alignment") + struct.pack("<II", 4, 3), "general.alignment"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<I", 1 << 30), "dimensions"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQIQ", 1, 0, 0, 0), "sizes"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<I4QIQ", 4, *[1 << 31] * 4, 0, 0), "sizes"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQIQ", 1, 8, 99, 0), "type of t"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQIQ", 1, 8, 12, 0), "multiple of 256"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQIQ", 1, 8, 0, 7), "offset"),
        (struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQIQ", 1, 8, 0, 1 << 40), "hold its tensors"),
        (struct.pack("<QQ", 2, 0) + (text("t") + struct.pack("<IQIQ", 1, 64, 0, 32)) * 2, "the tensor before it ends"),
    ],
)
def test_each_lie_is_told_by_its_name(body: bytes, told: str) -> None:
    data = b"GGUF" + struct.pack("<I", 3) + body
    with pytest.raises(BadModelFile, match=told):
        read_head(data + bytes(64), len(data) + 64)


def test_another_version_or_byte_order_is_told() -> None:
    for version in (0, 1, 4, 3 << 24):
        with pytest.raises(BadModelFile, match="version"):
            read_head(b"GGUF" + struct.pack("<I", version) + bytes(100), 108)


NAMES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1, max_size=12
)


@settings(max_examples=60)
@given(
    st.lists(NAMES, min_size=30, max_size=60),
    st.integers(400, 2_000),
    st.booleans(),
    st.binary(min_size=2_000, max_size=9_000),
)
def test_the_end_of_long_arrays_is_found_exactly(words: list[str], times: int, ints: bool, weights: bytes) -> None:
    """Or not at all, when what follows looks like more of it; never at a wrong place that is believed."""
    array = b"".join(text(word) for word in words * times)
    following = (
        text("tokenizer.ggml.token_type")
        + struct.pack("<II", 9, 5 if ints else 6)
        + struct.pack("<Q", 3)
        + b"\x01" * 12
    )
    data = array + following + weights
    begun, walked = walk(data[:CHUNK], 0, len(words) * times)
    end, asked = drive(jump(begun, len(words) * times - walked, len(data)), data)
    assert end in (len(array), None)
    assert asked < 400_000


@given(st.binary(max_size=3_000))
def test_looks_into_anything_stay_inside(data: bytes) -> None:
    begin = chain_begins(data)
    assert begin is None or 0 <= begin < len(data)
    name = chain_breaks(data)
    assert name is None or 0 <= name < len(data)
    place, walked = walk(data, 0, 10)
    assert 0 <= place <= len(data)
    assert 0 <= walked <= 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=4), st.integers(0, 1 << 40))
def test_any_json_as_the_head_of_safetensors_is_read_or_refused(head: dict[str, Any], more: int) -> None:
    raw = json.dumps(head).encode()
    data = struct.pack("<Q", len(raw)) + raw
    try:
        tensors, _ = drive(read_safetensors(data[:8], len(data) + more), data)
    except BadModelFile:
        return
    assert len(tensors) == len(head) - ("__metadata__" in head)


DESCRIBED = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["BF16", "F4", "U8", "X"]),
        "shape": st.lists(st.integers(-2, 1 << 63), max_size=20),
        "data_offsets": st.lists(st.integers(-2, 1 << 63), min_size=2, max_size=2),
    }
)


@given(st.dictionaries(st.text(max_size=6), DESCRIBED, max_size=4))
def test_any_places_of_tensors_are_read_or_refused(head: dict[str, Any]) -> None:
    raw = json.dumps(head).encode()
    data = struct.pack("<Q", len(raw)) + raw
    try:
        tensors, _ = drive(read_safetensors(data, len(data) + 1000), data)
    except BadModelFile:
        return
    assert all(0 <= tensor.bytes <= 1000 for tensor in tensors)


@pytest.mark.parametrize(
    ("places", "told"),
    [([(0, 2), (1, 3)], "the tensor before it ends"), ([(0, 0)] * (MOST_TENSORS + 1), "the number of tensors")],
)
def test_tensors_that_lie_on_each_other_or_are_too_many_are_refused(places: list[tuple[int, int]], told: str) -> None:
    head = {
        f"t{number}": {"dtype": "U8", "shape": [place[1] - place[0]], "data_offsets": place}
        for number, place in enumerate(places)
    }
    raw = json.dumps(head).encode()
    data = struct.pack("<Q", len(raw)) + raw
    with pytest.raises(BadModelFile, match=told):
        drive(read_safetensors(data, len(data) + 10), data)


@pytest.mark.parametrize("data", [b"", b"\x08", struct.pack("<Q", 1 << 63) + b"{}", struct.pack("<Q", 9) + b"{}"])
def test_a_head_longer_than_its_file_is_refused(data: bytes) -> None:
    with pytest.raises(BadModelFile):
        drive(read_safetensors(data, len(data)), data)


def config_keys() -> Iterator[str]:
    from serdab.models.headers.fields import NAMES as KNOWN

    for names in KNOWN.values():
        yield from names
    yield from ("model_type", "layer_types", "sliding_window", "kv_lora_rank", "hybrid_override_pattern", "text_config")
    yield from (
        "use_sliding_window",
        "sliding_window_pattern",
        "full_attention_interval",
        "attn_layer_period",
        "expand",
    )
    yield from (
        "state_size",
        "conv_kernel",
        "qk_rope_head_dim",
        "architectures",
        "attn_layer_indices",
        "global_head_dim",
    )


FIELD = st.none() | st.booleans() | st.integers(-2, 300) | st.integers() | st.floats() | st.lists(JSON, max_size=3)


@settings(max_examples=400)
@given(
    st.dictionaries(
        st.sampled_from(sorted(config_keys())), FIELD | st.sampled_from(["gemma3", "mamba", "M*-"]), max_size=8
    ),
    st.booleans(),
)
def test_any_configuration_gives_a_shape_that_holds_or_our_error(fields: dict[str, Any], whole: bool) -> None:
    base = {"num_hidden_layers": 4, "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 100} if whole else {}
    try:
        shape = shape_of_config(read_config(json.dumps(base | fields).encode()), "m", None)
    except SerdabError:
        return
    assert 1 <= shape.depth <= 2_000
    assert all(layers.count > 0 for layers in shape.layers)
    assert all(
        layers.kv_heads and layers.head_dim for layers in shape.layers if layers.attention in ("full", "sliding")
    )
    assert all(layers.window_tokens for layers in shape.layers if layers.attention == "sliding")
