"""How the weights of a Hugging Face folder are packed, by its `quantization_config`."""

from __future__ import annotations

from typing import Any

import msgspec

_BY_TYPE = {"F8_E4M3": "FP8", "F8_E5M2": "FP8", "I8": "INT8"}
#: Bytes of one number, for configurations that only name its type.
BYTES_OF = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8_e4m3fn": 1.0}


class Packing(msgspec.Struct, frozen=True):
    """How weights are packed."""

    #: Like AWQ-4, FP8, MXFP4; empty: as their tensors say.
    name: str = ""
    #: Parameters in one byte of an integer tensor.
    in_byte: int = 1


def packing_of(config: dict[str, Any]) -> Packing:
    """What a configuration says of it."""
    said = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(said, dict):
        return Packing()
    method = str(said.get("quant_method", "")).lower()
    if method in ("awq", "gptq", "auto-round", "gptqmodel"):
        bits = said.get("bits", 4)
        bits = bits if isinstance(bits, int) and bits in (2, 4, 8) else 4
        return Packing(f"{'AWQ' if method == 'awq' else 'GPTQ'}-{bits}", 8 // bits)
    if method == "bitsandbytes":
        return Packing("BNB-4", 2) if said.get("load_in_4bit") else Packing("INT8")
    if method == "mxfp4":
        return Packing("MXFP4", 2)
    if method in ("fp8", "fbgemm_fp8"):
        return Packing("FP8")
    algorithm = f"{said.get('quant_algo', '')} {said.get('format', '')}".lower()
    if "nvfp4" in algorithm:
        return Packing("NVFP4", 2)
    if "mxfp4" in algorithm:
        return Packing("MXFP4", 2)
    if method == "compressed-tensors" and "pack" in algorithm:
        return Packing("INT4", 2)
    return Packing()


def format_of(packing: Packing, types: dict[str, int]) -> str:
    """The name of a format: what the configuration says, else the type that most bytes have."""
    first = next(iter(types), "")
    return packing.name or _BY_TYPE.get(first, first)
