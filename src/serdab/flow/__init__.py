"""Durable steps: run them, and when anything dies, go on from the last finished one.

Each step's result is recorded exactly once; a step may execute more than once if a machine dies before recording;
external calls get a stable idempotency key so that they can be made exactly-once by the other side.
"""

from serdab.flow.branches import gather, map_steps
from serdab.flow.checking import Invariant, check_invariants
from serdab.flow.children import Children, run_child, start_child, start_children
from serdab.flow.client import Handle, Serdab
from serdab.flow.definitions import Registry, Step, Workflow, step, workflow
from serdab.flow.durable import current_run_id, idempotency_key, now, progress, random, resource, sleep, uuid
from serdab.flow.errors import (
    BadDefinition,
    CannotCommit,
    CodeChanged,
    DuplicateName,
    Failure,
    KeyTaken,
    NotInRun,
    NotRegistered,
    OutsideBranch,
    RunCancelled,
    RunDead,
    RunFailed,
    RunTimedOut,
    StepChanged,
    StepFailed,
    StepInStep,
    StepTimedOut,
    UnknownRun,
)
from serdab.flow.inspection import AttemptInfo, Inspection, RunDetail, RunInfo, StepInfo
from serdab.flow.isolated_calls import call_isolated
from serdab.flow.keeper import Keeper, Rescued
from serdab.flow.proving import prove
from serdab.flow.retention import Historian, Retention
from serdab.flow.retries import ONCE, Backoff, NonRetryable, Retry
from serdab.flow.states import TRANSITIONS, State, mermaid
from serdab.flow.worker import Worker

__all__ = [
    "ONCE",
    "TRANSITIONS",
    "AttemptInfo",
    "Backoff",
    "BadDefinition",
    "CannotCommit",
    "Children",
    "CodeChanged",
    "DuplicateName",
    "Failure",
    "Handle",
    "Historian",
    "Inspection",
    "Invariant",
    "Keeper",
    "KeyTaken",
    "NonRetryable",
    "NotInRun",
    "NotRegistered",
    "OutsideBranch",
    "Registry",
    "Rescued",
    "Retention",
    "Retry",
    "RunCancelled",
    "RunDead",
    "RunDetail",
    "RunFailed",
    "RunInfo",
    "RunTimedOut",
    "Serdab",
    "State",
    "Step",
    "StepChanged",
    "StepFailed",
    "StepInStep",
    "StepInfo",
    "StepTimedOut",
    "UnknownRun",
    "Worker",
    "Workflow",
    "call_isolated",
    "check_invariants",
    "current_run_id",
    "gather",
    "idempotency_key",
    "map_steps",
    "mermaid",
    "now",
    "progress",
    "prove",
    "random",
    "resource",
    "run_child",
    "sleep",
    "start_child",
    "start_children",
    "step",
    "uuid",
    "workflow",
]
