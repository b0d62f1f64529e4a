"""What a check found: one value, and the three ways to make it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from serdab.machine import Machine


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: It works, but slower, or not safely for long.
    WARNING = "warning"
    #: It does not work, or loses what it should keep.
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found."""

    check: str
    verdict: Verdict
    #: The evidence: what was read or measured.
    found: str
    #: What comes of it; empty when all is well.
    effect: str = ""
    #: What to do; empty when all is well.
    todo: str = ""


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine is, and what is wrong with it and with the home."""

    machine: Machine
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Verdict:
        """The worst verdict of all."""
        found = {each.verdict for each in self.findings}
        return next((verdict for verdict in (Verdict.BAD, Verdict.WARNING) if verdict in found), Verdict.OK)


def well(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, verdict=Verdict.OK, found=found)


def warning(check: str, found: str, effect: str, todo: str) -> Finding:
    """It works, but."""
    return Finding(check=check, verdict=Verdict.WARNING, found=found, effect=effect, todo=todo)


def bad(check: str, found: str, effect: str, todo: str) -> Finding:
    """It does not work."""
    return Finding(check=check, verdict=Verdict.BAD, found=found, effect=effect, todo=todo)


def judged(check: str, found: str, *, is_well: bool, effect: str, todo: str) -> Finding:
    """All is well, or it works, but."""
    return well(check, found) if is_well else warning(check, found, effect, todo)
