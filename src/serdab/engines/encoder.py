"""Texts to vectors in this process: small batches of little padding, one on each core."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from serdab.engines.bert import read_most_tokens, read_shape
from serdab.engines.conversion import convert_model
from serdab.engines.errors import BadModelFolder
from serdab.engines.extras import load_extra
from serdab.engines.precision import AUTO, choose_precision
from serdab.engines.runtimes import Graph, open_onnxruntime, open_openvino
from serdab.engines.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

#: Most tokens, padding included, that go through the graph at once. With less, bf16 waits for its weights: two threads
#: share the way to them. With more, f32 leaves a core's own cache.
TOKENS_PER_BATCH = 768
#: A text may be padded by at most this share of its batch's length, unless the batch is still small.
MOST_PADDING = 0.125
#: Tokens below which a batch takes texts of any length.
SMALL_BATCH_TOKENS = 256
#: Characters of a text that are looked at: no vocabulary needs more for its most tokens.
MOST_CHARACTERS = 32_768

_logger = logging.getLogger(__name__)


class Encoder:
    """One loaded model; its methods block and are safe to call from several threads."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        """Load, converting first when needed.

        Args:
            folder: the model's folder.
            precision: `auto`, `f32`, `bf16` or `int8`.
            threads: how many batches are worked on at once, each by one thread: none waits for another's part.

        Raises:
            BadModelFolder: the model cannot be read.
            BadSetting: the processor has no bf16, which is asked for.
            MissingExtra: onnxruntime, OpenVINO or another heavy library is not installed.
        """
        shape = read_shape(folder)
        self.dimensions = shape.hidden_size
        self.most_tokens = read_most_tokens(folder, shape)
        self._numpy = load_extra("numpy")
        self._tokenizer = load_tokenizer(folder, self.most_tokens, shape.vocab_size)
        self.threads = threads
        #: `precision` is what `auto` has come to, or what was asked for.
        self.precision, self._graph = _open_graph(folder, precision, threads)

    def tokenize(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        """The token ids of each text, special tokens included, and how many texts had to be cut."""
        encodings = self._tokenizer.encode_batch_fast([text[:MOST_CHARACTERS] for text in texts])
        cut = sum(
            1
            for text, encoding in zip(texts, encodings, strict=True)
            if encoding.overflowing or len(text) > MOST_CHARACTERS
        )
        return [encoding.ids for encoding in encodings], cut

    def embed_batch(self, lists: Sequence[Sequence[int]]) -> NDArray[float32]:
        """Vectors of length one, float32 of (texts, dimensions), of token ids that `fit` together."""
        longest = max(len(ids) for ids in lists)
        ids = self._numpy.zeros((len(lists), longest), self._numpy.int32)
        mask = self._numpy.zeros_like(ids)
        for row, values in enumerate(lists):
            ids[row, : len(values)] = values
            mask[row, : len(values)] = 1
        vectors: NDArray[float32] = self._graph(ids, mask)
        return vectors


def fit(texts: int, shortest: int, longest: int) -> bool:
    """Whether so many texts may go through the graph together: little padding, unless they are few and short.

    Args:
        texts: how many; one alone may be of any length.
        shortest: tokens of the shortest.
        longest: tokens of the longest.
    """
    padded = texts * longest
    little_padding = padded <= TOKENS_PER_BATCH and shortest >= longest * (1 - MOST_PADDING)
    return texts == 1 or padded <= SMALL_BATCH_TOKENS or little_padding


def _open_graph(folder: Path, asked: str, threads: int) -> tuple[str, Graph]:
    """The graph, and the precision that it computes in."""
    precision = choose_precision(asked)
    if precision == "bf16":
        try:
            return precision, open_openvino(convert_model(folder, "f32"), threads)
        except BadModelFolder as error:
            if asked != AUTO:
                raise
            _logger.warning("embeddings in f32, not in bf16: %s", error)
            precision = "f32"
    return precision, open_onnxruntime(convert_model(folder, precision))
