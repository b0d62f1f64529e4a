"""A BERT sentence encoder as an ONNX graph, written node by node from its weights: no torch anywhere.

The graph is built in the fused form that onnxruntime runs fastest on CPUs (`com.microsoft` operators). Inputs: `ids`
and `mask`, int32 of (texts, tokens). Output: `embedding`, float32 of (texts, width), each row of length one. The mean
over the tokens is left out as a number: dividing by the count changes no direction, and the length becomes one anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serdab.core import expected
from serdab.engines.bert import BertShape
from serdab.engines.errors import BadModelFolder
from serdab.engines.extras import load_extra

#: Raised when the graph for the same weights changes, so that cached ones are made again.
GRAPH_VERSION = 3

_MS = "com.microsoft"
_OPSET = 18
_IR_VERSION = 10
_SMALLEST_LENGTH = 1e-12

#: Puts `x @ weight` into the graph and returns the name of the result.
Product = Callable[["GraphWriter", str, str, Any], str]


class GraphWriter:
    """Collects nodes and constants."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.numpy = load_extra("numpy")
        self._onnx = load_extra("onnx")
        self._weights = weights
        helper = self._onnx.helper
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MS, 1)]
        graph = helper.make_graph([], "sentence-encoder", [], [])
        # Filled in place: the library's functions would copy hundreds of megabytes from list to graph to model.
        self._model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="serdab")

    def weight(self, name: str) -> Any:
        """A tensor of the model.

        Raises:
            BadModelFolder: the file of weights does not have it.
        """
        if name not in self._weights:
            raise BadModelFolder(expected(f"the tensor {name}", "among the weights", "nothing of that name"))
        return self._weights[name]

    def constant(self, name: str, array: Any) -> str:
        """Store an array in the graph."""
        tensor = self._onnx.numpy_helper.from_array(self.numpy.ascontiguousarray(array), name)
        self._model.graph.initializer.append(tensor)
        return name

    def stored(self, name: str) -> str:
        """Store a tensor of the model under its own name."""
        return self.constant(name, self.weight(name))

    def node(
        self, kind: str, inputs: Sequence[str], output: str | Sequence[str], domain: str = "", **facts: Any
    ) -> str:
        """Add one operator; returns the name of its first output."""
        outputs = [output] if isinstance(output, str) else list(output)
        self._model.graph.node.append(self._onnx.helper.make_node(kind, list(inputs), outputs, domain=domain, **facts))
        return outputs[0]

    def finish(self, width: int) -> bytes:
        """The graph as a serialised ONNX model."""
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        inputs = [helper.make_tensor_value_info(name, kinds.INT32, ["texts", "tokens"]) for name in ("ids", "mask")]
        self._model.graph.input.extend(inputs)
        self._model.graph.output.append(helper.make_tensor_value_info("embedding", kinds.FLOAT, ["texts", width]))
        return bytes(self._model.SerializeToString())


def exact_product(graph: GraphWriter, x: str, name: str, weight: Any) -> str:
    """A float32 matrix product."""
    return graph.node("MatMul", [x, graph.constant(name, weight)], f"{name}.out")


def build_bert(shape: BertShape, weights: Mapping[str, Any], product: Product = exact_product) -> bytes:
    """Write the whole encoder.

    Args:
        shape: the numbers of its `config.json`.
        weights: its tensors by name.
        product: how a matrix product with a weight is written; quantised forms come in here.
    """
    graph = GraphWriter(weights)
    x = _embeddings(graph, shape)
    for number in range(shape.num_hidden_layers):
        x = _layer(graph, shape, product, x, f"encoder.layer.{number}.")
    _pool(graph, x)
    return graph.finish(shape.hidden_size)


def _embeddings(graph: GraphWriter, shape: BertShape) -> str:
    onnx = load_extra("onnx")
    graph.node("Shape", ["ids"], "shape")
    zero = onnx.helper.make_tensor("zero", onnx.TensorProto.INT32, [1], [0])
    graph.node("ConstantOfShape", ["shape"], "types", value=zero)
    tables = [graph.stored(f"embeddings.{kind}_embeddings.weight") for kind in ("word", "position", "token_type")]
    norm = [graph.stored(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias")]
    inputs = ["ids", "types", *tables, *norm]
    return graph.node(
        "EmbedLayerNormalization", inputs, ["embedded", "unused"], domain=_MS, epsilon=shape.layer_norm_eps
    )


def _layer(graph: GraphWriter, shape: BertShape, product: Product, x: str, prefix: str) -> str:
    attended = _attention(graph, shape, product, x, prefix)
    after = _join(graph, shape, (attended, x), f"{prefix}attention.output")
    weight = graph.weight(f"{prefix}intermediate.dense.weight").T
    wide = product(graph, after, f"{prefix}intermediate", weight)
    bias = graph.stored(f"{prefix}intermediate.dense.bias")
    active = graph.node("BiasGelu", [wide, bias], f"{prefix}active", domain=_MS)
    narrow = product(graph, active, f"{prefix}output", graph.weight(f"{prefix}output.dense.weight").T)
    return _join(graph, shape, (narrow, after), f"{prefix}output")


def _attention(graph: GraphWriter, shape: BertShape, product: Product, x: str, prefix: str) -> str:
    parts = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
    weight = graph.numpy.concatenate([graph.weight(f"{part}.weight").T for part in parts], axis=1)
    bias = graph.constant(f"{prefix}qkv.bias", graph.numpy.concatenate([graph.weight(f"{p}.bias") for p in parts]))
    together = product(graph, x, f"{prefix}qkv", weight)
    split = [f"{prefix}{part}" for part in ("q", "k", "v")]
    graph.node("Split", [together], split, axis=-1, num_outputs=3)
    heads = shape.num_attention_heads
    context = graph.node("MultiHeadAttention", [*split, bias, "mask"], f"{prefix}context", domain=_MS, num_heads=heads)
    weight = graph.weight(f"{prefix}attention.output.dense.weight").T
    return product(graph, context, f"{prefix}attention.output", weight)


def _join(graph: GraphWriter, shape: BertShape, pair: tuple[str, str], name: str) -> str:
    """Add bias and residual, then normalise: `SkipLayerNormalization` would be one operator, six times as slow."""
    narrow, residual = pair
    biased = graph.node("Add", [narrow, graph.stored(f"{name}.dense.bias")], f"{name}.biased")
    added = graph.node("Add", [biased, residual], f"{name}.added")
    norm = [graph.stored(f"{name}.LayerNorm.{part}") for part in ("weight", "bias")]
    return graph.node("LayerNormalization", [added, *norm], f"{name}.joined", epsilon=shape.layer_norm_eps)


def _pool(graph: GraphWriter, x: str) -> None:
    """Sum over the tokens that count, then length one."""
    numpy = graph.numpy
    middle = graph.constant("axis.middle", numpy.array([1], numpy.int64))
    last = graph.constant("axis.last", numpy.array([-1], numpy.int64))
    smallest = graph.constant("length.smallest", numpy.array(_SMALLEST_LENGTH, numpy.float32))
    graph.node("Cast", ["mask"], "mask.float", to=load_extra("onnx").TensorProto.FLOAT)
    graph.node("Unsqueeze", ["mask.float", middle], "mask.row")
    graph.node("MatMul", ["mask.row", x], "sum.row")
    graph.node("Squeeze", ["sum.row", middle], "sum")
    graph.node("ReduceL2", ["sum", last], "length", keepdims=1)
    graph.node("Max", ["length", smallest], "length.safe")
    graph.node("Div", ["sum", "length.safe"], "embedding")
