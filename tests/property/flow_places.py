"""What the model keeps of a run in one of its places, and of a flush on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from serdab.flow.batch import Batch


@dataclass
class Held:
    worker: int
    crashes: int
    #: It recorded a step since its claim: a crash now is the first in a row.
    progressed: bool = False


@dataclass
class Waiting:
    timer: str
    #: The groups of children that it still waits for, in their order.
    groups: list[list[UUID]] = field(default_factory=list)


@dataclass
class Flush:
    """A batch with what it will have done to the model once it is committed."""

    batch: Batch = field(default_factory=Batch)
    parks: dict[UUID, Waiting] = field(default_factory=dict)
    hand_backs: list[UUID] = field(default_factory=list)
