"""The command line. It prints and asks; what happens is decided elsewhere.

Nothing heavy is imported before its command runs: `serdab --help` must answer at once.
"""

from serdab.cli.application import main

__all__ = ["main"]
