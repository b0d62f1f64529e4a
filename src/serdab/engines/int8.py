"""Matrix products in 8-bit integers: weights quantised per output column once, activations per call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serdab.engines.bert_graph import GraphWriter

_MOST = 127


def int8_product(graph: GraphWriter, x: str, name: str, weight: Any) -> str:
    """`x @ weight` by one fused operator that finds the range of `x` as it goes."""
    numpy = graph.numpy
    scale = numpy.maximum(numpy.abs(weight).max(axis=0), 1e-12) / _MOST
    rounded = numpy.clip(numpy.round(weight / scale), -_MOST, _MOST).astype(numpy.int8)
    inputs = [
        x,
        graph.constant(f"{name}.int8", rounded),
        graph.constant(f"{name}.scale", scale.astype(numpy.float32)),
    ]
    return graph.node("DynamicQuantizeMatMul", inputs, f"{name}.out", domain="com.microsoft")
