"""What can go wrong with models.

SerdabError
├── BadInput
│   ├── UnknownModel        no model of this name
│   ├── BadModelFile        the head of its files is not what it must be
│   └── UnknownShape        its configuration lacks a field that its size depends on
├── Unavailable
│   └── PullFailed          its files cannot be had now
└── ModelDamaged            what came is not what it should be
"""

from __future__ import annotations

from serdab.core import BadInput, SerdabError, Unavailable


class UnknownModel(BadInput):
    """There is no model of this name."""

    code = "unknown_model"


class BadModelFile(BadInput):
    """The head of a model's file is not what it must be: truncated, damaged, or of another format."""

    code = "bad_model_file"


class UnknownShape(BadInput):
    """A model's configuration lacks a field that its memory depends on."""

    code = "unknown_model_shape"


class PullFailed(Unavailable):
    """The files of a model cannot be had now."""

    code = "pull_failed"


class ModelDamaged(SerdabError):
    """What was downloaded, or lies in the home, is not what it should be."""

    code = "model_damaged"
