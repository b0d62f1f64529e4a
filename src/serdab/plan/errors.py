"""What can go wrong while planning.

SerdabError
└── BadInput
    ├── BadCatalogue        a file of a catalogue is not what it must be
    └── UnknownEntry        no device, model, price or country of this name
"""

from __future__ import annotations

from serdab.core import BadInput


class BadCatalogue(BadInput):
    """A file of a catalogue cannot be read, or an entry of it is not what it must be."""

    code = "bad_catalogue"


class UnknownEntry(BadInput):
    """The catalogues have no entry of this name."""

    code = "unknown_catalogue_entry"
