"""Rows of measured data, in the layout of the evidence tables, as devices, shapes and cases to compare with.

A row is a mapping from column to text, as a CSV gives it; nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import cast

from serdab.plan.devices import Device, DeviceClass, Price
from serdab.plan.figures import Source
from serdab.plan.shapes import Attention, Experts, Layers, Shape

Row = Mapping[str, str]
_HBM = re.compile(r"^(?:a30|a100|h100|h200|h20|gh200|b[23]00|gb[23]00|v100|p100|titan ?v)", re.ASCII)


def number(row: Row, column: str, default: float = 0.0) -> float:
    """The number in a column, or the default where there is none."""
    try:
        return float(row.get(column) or default)
    except ValueError:
        return default


def class_of(identity: str, vendor: str, table_class: str) -> DeviceClass:
    """The class of behaviour of a device, by its id, its maker and the class of the table."""
    maker = vendor.lower()
    if table_class in ("cpu", "npu"):
        return cast("DeviceClass", table_class)
    if maker == "nvidia":
        if table_class == "edge":
            return "jetson"
        if table_class == "soc":
            return "nvidia_unified"
        return "nvidia_hbm" if _HBM.match(identity) else "nvidia_gddr"
    if maker == "amd":
        return "amd_unified" if table_class == "soc" else "amd_cdna" if identity.startswith("mi") else "amd_rdna"
    if maker == "intel":
        return "gaudi" if identity.startswith("gaudi") else "intel_arc"
    return "apple" if maker == "apple" else "tpu"


def device_of(row: Row) -> Device:
    """A device from a row of `hardware.csv`."""
    rates = {
        kind: number(row, column) * 1e12
        for kind, column in (
            ("fp16", "fp16_dense_tflops"),
            ("int8", "int8_dense_tops"),
            ("fp8", "fp8_dense_tflops"),
            ("fp4", "fp4_dense_tflops"),
        )
        if number(row, column)
    }
    source = Source(what=row.get("spec_source", ""), on=date(2026, 8, 1))
    price = None
    if number(row, "price_usd_low"):
        evidence = Source(
            what=row.get("price_source", ""),
            on=date(2026, 8, 1),
            evidence="guess" if row.get("price_confidence") == "guess" else "published",
        )
        price = Price(
            low_usd=number(row, "price_usd_low"),
            high_usd=number(row, "price_usd_high"),
            on=date(2026, 8, 1),
            source=evidence,
            used="used" in row.get("price_source", ""),
        )
    return Device(
        id=row["id"],
        name=row["name"],
        vendor=row["vendor"],
        kind=class_of(row["id"], row["vendor"], row["class"]),
        memory_bytes=int(
            number(row, "memory_gb") * 1e9 if row["class"] == "datacentre" else number(row, "memory_gb") * 2**30
        ),
        usable_share=number(row, "gpu_usable_fraction", 1.0) or 1.0,
        bandwidth=number(row, "bandwidth_gbs") * 1e9,
        rates=rates,
        power_w=number(row, "tdp_w"),
        idle_w=number(row, "idle_w_guess"),
        year=int(number(row, "year")),
        price=price,
        can_be_bought=row["class"] != "cloud",
        sources={"*": source},
    )


def _recurrent_bytes(hidden: int) -> int:
    """State of one gated-delta layer in f32, by the width of the model (Qwen3.5: 48 or 32 value heads of 128 x 128)."""
    heads = 48 if hidden >= 5000 else 64 if hidden >= 4000 else 32
    return (heads * 128 * 128 + 10_240 * 3) * 4


def _layers_of(row: Row) -> tuple[Layers, ...]:
    depth, full = int(number(row, "n_layers")), int(number(row, "n_full_attn_layers"))
    kv_heads, head_dim = int(number(row, "n_kv_heads")), int(number(row, "head_dim"))
    latent = sum(int(part) for part in re.findall(r"\d{1,5}", row.get("mla_latent", ""))[:2])
    if latent:
        return (Layers(count=depth, attention="mla", latent_dim=latent, head_dim=head_dim),)
    sliding = int(number(row, "n_swa_layers"))
    found = [Layers(count=full, attention="full", kv_heads=kv_heads, head_dim=head_dim)] if full else []
    if sliding:
        found.append(
            Layers(
                count=sliding,
                attention="sliding",
                kv_heads=int(number(row, "swa_kv_heads")) or kv_heads,
                head_dim=int(number(row, "swa_head_dim")) or head_dim,
                window_tokens=int(number(row, "swa_window")),
            )
        )
    rest = depth - full - sliding
    if rest > 0:
        kind: Attention = "recurrent"
        found.append(Layers(count=rest, attention=kind, state_bytes=_recurrent_bytes(int(number(row, "hidden")))))
    return tuple(found)


#: Families whose input and output embeddings are one matrix.
_TIED = re.compile(
    r"^(?:gemma|llama-3\.2|qwen2\.5-(?:0\.5|1\.5|3)b|qwen3-(?:0\.6|1\.7|4)b|command|aya|phi-4-mini|granite)"
)


def shape_of(row: Row) -> Shape | None:
    """A shape from a row of `models.csv`, or None where it has no size (a closed model)."""
    parameters = number(row, "params_b") * 1e9
    if not parameters:
        return None
    kind = row["kind"]
    experts = (
        Experts(count=int(number(row, "n_experts")), used=int(number(row, "topk"))) if row.get("n_experts") else None
    )
    return Shape(
        name=row["id"],
        kind="image" if kind.startswith("image") else "vlm" if kind == "vlm" else "llm",
        parameters=int(parameters),
        active_parameters=int(number(row, "active_params_b") * 1e9 or parameters),
        hidden=int(number(row, "hidden")),
        heads=int(number(row, "n_heads")),
        vocabulary=int(number(row, "vocab")),
        context_tokens=int(number(row, "max_ctx")),
        layers=_layers_of(row) if number(row, "n_layers") else (),
        experts=experts,
        tied_embeddings=bool(_TIED.match(row["id"])),
    )
