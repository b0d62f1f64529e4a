"""What can go wrong with the tree of processes.

SerdabError
├── BadInput
│   ├── AlreadyUp       this home has a tree already
│   ├── PortTaken       another program listens where `serdab up` wants to
│   └── BadModule       a module with workflows cannot be imported, or has none
└── Unavailable
    ├── ModelMissing    the weights of a model are not in this home
    └── DidNotComeUp    the tree did not become ready in time
"""

from __future__ import annotations

from serdab.core import BadInput, Unavailable


class AlreadyUp(BadInput):
    """This home has a tree of processes already; `serdab status` shows it."""

    code = "already_up"


class PortTaken(BadInput):
    """Another program listens where `serdab up` wants to; choose another with `--set http.port=…`, 0 for any."""

    code = "port_taken"


class BadModule(BadInput):
    """A module with workflows cannot be imported, or has none."""

    code = "bad_module"


class ModelMissing(Unavailable):
    """The weights of a model are not in this home; bring them by `serdab models pull NAME`."""

    code = "model_missing"


class DidNotComeUp(Unavailable):
    """The tree did not become ready in time; `serdab logs` says why."""

    code = "did_not_come_up"
