"""What can go wrong with models.

SerdabError
├── BadInput
│   └── UnknownModel        no model of this name
├── Unavailable
│   └── PullFailed          its files cannot be had now
└── ModelDamaged            what came is not what it should be
"""

from __future__ import annotations

from serdab.core import BadInput, SerdabError, Unavailable


class UnknownModel(BadInput):
    """There is no model of this name."""

    code = "unknown_model"


class PullFailed(Unavailable):
    """The files of a model cannot be had now."""

    code = "pull_failed"


class ModelDamaged(SerdabError):
    """What was downloaded, or lies in the home, is not what it should be."""

    code = "model_damaged"
