"""Which numbers a model is computed in, and which of them make vectors that can be compared with each other."""

from __future__ import annotations

import logging
from collections.abc import Collection

from serdab.engines.errors import MissingExtra
from serdab.engines.runtimes import load_openvino
from serdab.machine import Root, processor_flags

AUTO = "auto"
#: Instructions that multiply numbers in bf16; without any of them bf16 is no faster than f32.
FAST_BF16 = frozenset({"avx512_bf16", "amx_bf16"})

_logger = logging.getLogger(__name__)


def choose_precision(asked: str, flags: Collection[str] | None = None) -> str:
    """What `auto` means here: `bf16` where the processor is fast in it and OpenVINO is installed, else `f32`.

    Any other precision is taken as asked. An engine in bf16 on a processor that is not fast in it is slow, not wrong,
    and its log says so.

    Args:
        asked: `auto`, `f32`, `bf16` or `int8`.
        flags: of the processor, as the kernel names them; those of this one when None.
    """
    if asked not in (AUTO, "bf16"):
        return asked
    fast = not FAST_BF16.isdisjoint(processor_flags(Root()) if flags is None else flags)
    if asked == "bf16":
        if not fast:
            _logger.warning("this processor does not multiply in bf16: models.precision=f32 is as fast or faster here")
        return asked
    return "bf16" if fast and _has_openvino() else "f32"


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
