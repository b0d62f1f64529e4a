"""The composition root: settings become a database, engines, workers and one tree of processes."""

from serdab.app.alone import run_engine, run_keeper
from serdab.app.composition import resources
from serdab.app.control import some_tree, start_detached, take_down
from serdab.app.doctor import Examination, Finding, Verdict, examine
from serdab.app.engine import check_engine, embedder_of, engine_process, some_engine
from serdab.app.errors import AlreadyUp, BadModule, DidNotComeUp, ModelMissing, PortTaken
from serdab.app.metrics import EXAMPLES, METRICS
from serdab.app.processes import ProcessFile, living, unheeded
from serdab.app.readiness import Readiness, readiness_of
from serdab.app.status import DatabaseState, HomeStatus, ProcessStatus, QueueCount, home_status
from serdab.app.subjects import redriven_among, runs_to_redrive, subjects_of
from serdab.app.supervisor import run_tree
from serdab.app.tree import Tree, worker_count
from serdab.app.units import UNIT_NAME, Unit, make_unit
from serdab.app.watching import run_watch
from serdab.app.worker_process import WorkerOptions, run_worker
from serdab.app.workflows import all_workflows, check_known, find_workflow

__all__ = [
    "EXAMPLES",
    "METRICS",
    "UNIT_NAME",
    "AlreadyUp",
    "BadModule",
    "DatabaseState",
    "DidNotComeUp",
    "Examination",
    "Finding",
    "HomeStatus",
    "ModelMissing",
    "PortTaken",
    "ProcessFile",
    "ProcessStatus",
    "QueueCount",
    "Readiness",
    "Tree",
    "Unit",
    "Verdict",
    "WorkerOptions",
    "all_workflows",
    "check_engine",
    "check_known",
    "embedder_of",
    "engine_process",
    "examine",
    "find_workflow",
    "home_status",
    "living",
    "make_unit",
    "readiness_of",
    "redriven_among",
    "resources",
    "run_engine",
    "run_keeper",
    "run_tree",
    "run_watch",
    "run_worker",
    "runs_to_redrive",
    "some_engine",
    "some_tree",
    "start_detached",
    "subjects_of",
    "take_down",
    "unheeded",
    "worker_count",
]
