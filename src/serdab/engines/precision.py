"""Which numbers a model is computed in, and which of them make vectors that can be compared with each other."""

from __future__ import annotations

import logging
from collections.abc import Collection

from serdab.core import BadSetting, expected
from serdab.engines.errors import MissingExtra
from serdab.engines.runtimes import load_openvino
from serdab.machine import Root, processor_flags

AUTO = "auto"
#: Instructions that multiply numbers in bf16; without any of them bf16 is much slower than f32.
FAST_BF16 = frozenset({"avx512_bf16", "amx_bf16"})

_logger = logging.getLogger(__name__)


def choose_precision(asked: str, flags: Collection[str] | None = None) -> str:
    """What `auto` means here: `bf16` where the processor is fast in it and OpenVINO is installed, else `f32`.

    Args:
        asked: `auto`, `f32`, `bf16` or `int8`.
        flags: of the processor, as the kernel names them; those of this one when None.

    Raises:
        BadSetting: `bf16` is asked for on a processor without it, where OpenVINO is forty times slower than f32 or does
            not load the graph.
    """
    if asked not in (AUTO, "bf16"):
        return asked
    fast = not FAST_BF16.isdisjoint(processor_flags(Root()) if flags is None else flags)
    if asked == "bf16" and not fast:
        todo = f"bf16 needs {' or '.join(sorted(FAST_BF16))}"
        raise BadSetting(expected("models.precision", "auto, f32 or int8 on this processor", asked, todo))
    return "bf16" if asked == "bf16" or (fast and _has_openvino()) else "f32"


def comparable_precision(precision: str) -> str:
    """The name under which vectors are kept: `f32` for `bf16`, too, since both may stand in one database.

    A text's two vectors have a cosine of 0.9999: docs/adr/0013-precision-of-embeddings.md.
    """
    return "f32" if precision == "bf16" else precision


def _has_openvino() -> bool:
    try:
        load_openvino()
    except MissingExtra as error:
        _logger.info("embeddings in f32, not in bf16: %s", error)
        return False
    return True
