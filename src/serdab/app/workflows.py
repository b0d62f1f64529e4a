"""Which workflows a process knows: the built-in ones, and those of the modules that are named."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path

from serdab.app.errors import BadModule
from serdab.core import Settings, expected
from serdab.flow import Registry, Workflow
from serdab.store import Database, load_statements

#: The part with the main job, and a library of the extra that it needs.
KNOWLEDGE, NEEDED_BY_KNOWLEDGE = "serdab.knowledge", ("numpy", "sklearn", "tokenizers")


def has_documents() -> bool:
    """Whether the extra `documents` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED_BY_KNOWLEDGE)


def all_workflows(settings: Settings) -> Registry:
    """The built-in workflows and those of `workers.modules`.

    Raises:
        BadModule: a module cannot be imported, or has no workflow.
        BadSchema: what `documents.schemas` names cannot be used.
        BadDelivery, BadSetting: receipts may not go where `documents.deliver_to` says.
        DuplicateName: two functions want one name.
    """
    registry = Registry()
    if has_documents():
        knowledge = importlib.import_module(KNOWLEDGE)
        # Here whoever starts something hears of a wrong setting, not later the one who brings a document.
        knowledge.load_schemas(settings.documents.schemas)
        knowledge.check_delivery(settings)
        registry.add_module(knowledge)
    for name in filter(None, (part.strip() for part in settings.workers.modules.split(","))):
        registry.add_module(module_with_workflows(name))
    return registry


def queues_of(settings: Settings) -> Sequence[str] | None:
    """The queues of `workers.queues`; None means those of all known workflows."""
    names = [part.strip() for part in settings.workers.queues.split(",") if part.strip()]
    return None if not names or "*" in names else names


def module_with_workflows(name: str) -> types.ModuleType:
    """Import a module, the folder one stands in included.

    Raises:
        BadModule: it cannot be imported, or has no workflow.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        got = f"{type(error).__name__}: {error}"
        raise BadModule(expected(f"the module {name}", "one that Python can import from here", got)) from error
    if not any(isinstance(value, Workflow) for value in vars(module).values()):
        raise BadModule(f"expected the module {name} to have a function under @workflow, got none")
    return module


def find_workflow(place: str) -> Workflow[..., object]:
    """The workflow at `module:function`.

    Raises:
        BadModule: there is none.
    """
    name, _, function = place.partition(":")
    found = getattr(module_with_workflows(name), function, None)
    if not isinstance(found, Workflow):
        raise BadModule(expected(place, "module:function with @workflow", type(found).__name__))
    return found


async def check_known(database: Database, name: str, module: str) -> None:
    """See that some worker knows a workflow of a module, so that a run of it does not wait for ever.

    Raises:
        BadModule: none does.
    """
    if not await database.pool.fetchval(load_statements("serdab.app")["is_known"], name):
        todo = "the tree that is up started without its module: `serdab down`, then say this again; to keep it up, "
        todo += f"`serdab up --detach --set workers.modules={module}`"
        raise BadModule(f"expected the workers of this home to know the workflow {name}, got none that does; {todo}")
