"""What a folder with a BERT encoder says about itself: shape and weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from serdab.core import expected
from serdab.engines.errors import BadModelFolder
from serdab.engines.extras import load_extra

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
#: Holds `max_seq_length`, the most tokens a text was trained with.
LENGTHS = "sentence_bert_config.json"

_PIECE = 1 << 20


class BertShape(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of `config.json` that the graph needs."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    vocab_size: int
    layer_norm_eps: float = 1e-12
    model_type: str = "bert"
    hidden_act: str = "gelu"


class _Lengths(msgspec.Struct, frozen=True, kw_only=True):
    max_seq_length: int
    do_lower_case: bool = False


def read_shape(folder: Path) -> BertShape:
    """The shape of the encoder in a folder.

    Raises:
        BadModelFolder: there is no `config.json`, or it is not of a BERT with exact GELU.
    """
    try:
        shape = msgspec.json.decode((folder / CONFIG).read_bytes(), type=BertShape)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadModelFolder(expected(f"{folder / CONFIG}", "the config.json of a BERT", str(error))) from error
    if shape.model_type != "bert" or shape.hidden_act != "gelu":
        got = f"{shape.model_type} with {shape.hidden_act}"
        raise BadModelFolder(expected(f"the model in {folder}", "a BERT with exact GELU", got))
    if shape.hidden_size % shape.num_attention_heads:
        got = f"{shape.hidden_size} over {shape.num_attention_heads}"
        raise BadModelFolder(expected(f"the width of {folder}", "a multiple of its attention heads", got))
    return shape


def read_most_tokens(folder: Path, shape: BertShape) -> int:
    """The most tokens of one text, both special tokens included."""
    path = folder / LENGTHS
    if not path.exists():
        return shape.max_position_embeddings
    try:
        lengths = msgspec.json.decode(path.read_bytes(), type=_Lengths)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadModelFolder(expected(f"{path}", "JSON with max_seq_length", str(error))) from error
    return max(2, min(lengths.max_seq_length, shape.max_position_embeddings))


def read_weights(folder: Path) -> dict[str, Any]:
    """The tensors of the encoder by name, as float32 arrays.

    Raises:
        BadModelFolder: the file of weights is missing or broken.
    """
    numpy = load_extra("numpy")
    safetensors = load_extra("safetensors")
    weights: dict[str, Any] = {}
    try:
        with safetensors.safe_open(str(folder / WEIGHTS), framework="np") as file:
            for name in file.keys():  # noqa: SIM118 (a handle, not a mapping)
                if name.endswith(("weight", "bias")):
                    weights[name.removeprefix("bert.")] = file.get_tensor(name).astype(numpy.float32, copy=False)
    except (OSError, safetensors.SafetensorError) as error:
        raise BadModelFolder(expected(f"{folder / WEIGHTS}", "a file of safetensors", str(error))) from error
    return weights


def digest_of(folder: Path) -> str:
    """SHA-256 over shape and weights: what a converted graph depends on."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        try:
            with (folder / name).open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except OSError as error:
            raise BadModelFolder(expected(f"{folder / name}", "a file that can be read", str(error))) from error
    return digest.hexdigest()
