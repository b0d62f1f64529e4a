"""Matrix products in 8-bit integers: weights quantised per output column once, activations per row as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serdab.engines.bert_graph import GraphWriter

_MOST = 127
#: Zero of unsigned activations: processors multiply unsigned by signed bytes fastest.
_ZERO = 128
_LEAST = 1e-12


def int8_product(graph: GraphWriter, x: str, name: str, weight: Any) -> str:
    """`x @ weight`, each row of `x` by its own range: a text's numbers do not depend on the texts beside it."""
    numpy = graph.numpy
    scale = numpy.maximum(numpy.abs(weight).max(axis=0), _LEAST) / _MOST
    rounded = numpy.clip(numpy.round(weight / scale), -_MOST, _MOST).astype(numpy.int8)
    axis = graph.constant(f"{name}.axis", numpy.array([-1], numpy.int64))
    least = graph.constant(f"{name}.least", numpy.float32(_LEAST))
    step = graph.constant(f"{name}.step", numpy.float32(1 / _MOST))
    zero = graph.constant(f"{name}.zero", numpy.uint8(_ZERO))
    largest = graph.node("ReduceMax", [graph.node("Abs", [x], f"{name}.abs"), axis], f"{name}.largest", keepdims=1)
    range_ = graph.node("Max", [largest, least], f"{name}.range")
    bytes_ = graph.node(
        "QuantizeLinear", [graph.node("Div", [x, range_], f"{name}.scaled"), step, zero], f"{name}.bytes"
    )
    inputs = [
        bytes_,
        graph.constant(f"{name}.int8", rounded),
        step,
        graph.constant(f"{name}.scale", scale.astype(numpy.float32)),
        zero,
    ]
    product = graph.node("MatMulIntegerToFloat", inputs, f"{name}.product", domain="com.microsoft")
    return graph.node("Mul", [product, range_], f"{name}.out")
