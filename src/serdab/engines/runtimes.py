"""A converted graph in one of the libraries that run it: onnxruntime, or OpenVINO, which is fast in bf16."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from serdab.core import expected
from serdab.engines.errors import BadModelFolder, MissingExtra
from serdab.engines.extras import load_extra

#: Token ids and mask, int32 of (texts, tokens), to vectors, float32 of (texts, width); several threads may call it.
Graph = Callable[[Any, Any], Any]

#: What OpenVINO keeps for shapes that it has seen, in entries of a thread. With its own 5,000, 2,300 shapes of our
#: batches took 2.2 GB a thread; with 100 all of them take 0.25 GB, at the same speed.
SHAPE_CACHE = 100
#: What `import openvino` would load to report that import to its maker: it goes without when it cannot.
TELEMETRY = ("openvino_telemetry", "openvino.tools.ovc")


def open_onnxruntime(path: Path) -> Graph:
    """A graph by onnxruntime, one thread for each batch.

    Raises:
        BadModelFolder: it does not load.
        MissingExtra: onnxruntime is not installed.
    """
    runtime = load_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The graph is fused where that is faster; the runtime would also fuse sums with what normalises them, which is not.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        todo = f"remove {path.parent} so that it is made again"
        raise _not_loaded(path, "onnxruntime", error, todo) from error
    return lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})[0]


def open_openvino(path: Path, threads: int) -> Graph:
    """An f32 graph by OpenVINO, its products in bf16; as many batches at once as threads, each by one thread.

    Raises:
        BadModelFolder: it does not load.
        MissingExtra: OpenVINO is not installed.
    """
    openvino, numpy = load_openvino(), load_extra("numpy")
    options = {
        "INFERENCE_PRECISION_HINT": "bf16",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,
        # Whoever else works on this machine may need the very core.
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": SHAPE_CACHE,
    }
    requests: SimpleQueue[Any] = SimpleQueue()

    def run(ids: Any, mask: Any) -> Any:
        request = requests.get()
        try:
            return request.infer({"ids": ids, "mask": mask})[0].copy()
        finally:
            requests.put(request)

    shortest = numpy.ones((1, 1), numpy.int32)
    try:
        model = openvino.Core().compile_model(str(path), "CPU", options)
        for _ in range(threads):
            requests.put(model.create_infer_request())
            # Its first use by two threads at once can stop both for ever: they make what they share in two orders.
            run(shortest, shortest)
    except Exception as error:
        todo = "it writes code, which MemoryDenyWriteExecute forbids; models.precision=f32 does without"
        raise _not_loaded(path, "OpenVINO", error, todo) from error
    return run


def load_openvino() -> Any:
    """Import OpenVINO without what tells its maker so.

    Raises:
        MissingExtra: it is not installed, or not for this machine.
    """
    for module in TELEMETRY:
        sys.modules[module] = None  # type: ignore[assignment]  # an import of it fails from now on
    try:
        import openvino
    except ImportError as error:
        todo = "say: pip install 'serdab[documents]' (Linux on x86-64 alone), or models.precision=auto"
        what = expected("the library openvino", "installed", str(error), todo)
        raise MissingExtra(what, module="openvino") from error
    return openvino


def _not_loaded(path: Path, library: str, error: Exception, todo: str) -> BadModelFolder:
    reason = " ".join(str(error).split())
    return BadModelFolder(expected(f"{path}", f"a graph that {library} loads", reason, todo))
