"""Heavy libraries arrive by an extra; whoever lacks one is told what to type."""

from __future__ import annotations

import importlib
from typing import Any

from serdab.core import expected
from serdab.engines.errors import MissingExtra


def load_extra(module: str, extra: str = "documents") -> Any:
    """Import a module that an extra of the package brings.

    Raises:
        MissingExtra: it is not installed; the message says the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        todo = f"say: pip install 'serdab[{extra}]'"
        raise MissingExtra(expected(f"the library {module}", "installed", str(error), todo), module=module) from error
