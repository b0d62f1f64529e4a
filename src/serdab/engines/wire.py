"""What an engine and its clients say to each other: OpenAI's `/v1/embeddings` as values, and the ready line."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from serdab.core import expected
from serdab.engines.errors import BadEmbeddingInput, EngineFailed
from serdab.engines.extras import load_extra

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

#: Most texts of one request.
MOST_TEXTS = 2048
#: Largest request body, bytes.
MOST_BYTES = 64 << 20


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends; other fields of OpenAI's clients are let through unread."""

    input: Any
    model: str = ""
    encoding_format: str = "float"
    dimensions: int | None = None

    def texts(self) -> list[str]:
        """The texts to embed.

        Raises:
            BadEmbeddingInput: `input` is not one text or a list of texts, or one of them is empty.
        """
        texts = [self.input] if isinstance(self.input, str) else self.input
        if not isinstance(texts, list):
            raise BadEmbeddingInput(expected("input", "a string or a list of strings", self.input), param="input")
        check_texts(texts)
        return texts


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """One vector: base64 of little-endian float32, or a list of numbers."""

    object: str = "embedding"
    index: int
    embedding: str | list[float]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that were read; `truncated` counts the texts of which the end was not."""

    prompt_tokens: int
    total_tokens: int
    truncated: int = 0


class EmbeddingResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets."""

    object: str = "list"
    data: list[Embedding]
    model: str
    usage: Usage
    #: `f32` (for bf16, too) or `int8`, where the engine is ours: vectors of two of them cannot be compared.
    precision: str = ""


class EngineReady(msgspec.Struct, frozen=True, kw_only=True):
    """The line that a ready engine writes to stdout."""

    url: str
    pid: int
    model: str
    dimensions: int
    most_tokens: int
    #: `f32`, `bf16` or `int8`.
    precision: str
    #: From the start of loading to the first embedding, seconds.
    load_s: float


def check_texts(texts: Sequence[Any]) -> None:
    """Refuse what cannot be embedded.

    Raises:
        BadEmbeddingInput: there is no text, or one is not a string, is empty, or cannot be written as UTF-8.
    """
    if not texts:
        raise BadEmbeddingInput(expected("input", "at least one text", []), param="input")
    for position, text in enumerate(texts):
        if not isinstance(text, str) or not text:
            what = f"input[{position}]"
            raise BadEmbeddingInput(expected(what, "a string that is not empty", text), param="input")
        if not text.isascii():
            _check_unicode(position, text)


def _check_unicode(position: int, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        what = f"input[{position}]"
        raise BadEmbeddingInput(expected(what, "Unicode text", str(error)), param="input") from error


def write_vectors(vectors: NDArray[float32], encoding_format: str) -> list[Embedding]:
    """One `Embedding` for each row."""
    if encoding_format == "base64":
        rows = vectors.astype("<f4", copy=False)
        return [Embedding(index=i, embedding=base64.b64encode(row.tobytes()).decode()) for i, row in enumerate(rows)]
    return [Embedding(index=i, embedding=row) for i, row in enumerate(vectors.tolist())]


def read_vectors(body: bytes, count: int) -> tuple[NDArray[float32], str]:
    """The vectors of a base64 response, in the order of the request, float32 of (texts, dimensions), and who made them.

    Raises:
        EngineFailed: the response is not what was asked for.
    """
    numpy = load_extra("numpy")
    try:
        response = msgspec.json.decode(body, type=EmbeddingResponse)
        rows = sorted(response.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(count)):
            raise EngineFailed(expected("the embeddings", f"numbered 0 to {count - 1}", [row.index for row in rows]))
        vectors = [_read_vector(row.embedding) for row in rows]
        stacked: NDArray[float32] = numpy.stack(vectors)
    except (msgspec.MsgspecError, ValueError) as error:
        raise EngineFailed(expected("the engine's answer", "embeddings of one width", str(error))) from error
    return stacked, f"{response.model}/{response.precision}" if response.precision else response.model


def _read_vector(embedding: str | list[float]) -> Any:
    numpy = load_extra("numpy")
    if isinstance(embedding, str):
        return numpy.frombuffer(base64.b64decode(embedding), "<f4")
    return numpy.array(embedding, numpy.float32)


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> bytes:
    """An error in OpenAI's shape."""
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})
