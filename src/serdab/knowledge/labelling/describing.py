"""What labels mean, said in words: enough to begin with before there are examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from serdab.core import expected
from serdab.engines import Embedder, load_extra
from serdab.knowledge.coalescing import Link
from serdab.knowledge.errors import BadLabels
from serdab.knowledge.label_files import MOST_LABEL, plain_text
from serdab.knowledge.labelling.embedding import embed_wholes
from serdab.knowledge.vectors import to_database
from serdab.store import load_statements

_SQL = load_statements("serdab.knowledge")
_OURS = load_statements("serdab.knowledge.labelling")

#: Longest description, characters.
MOST_DESCRIPTION = 4_000
_MOST_BYTES = 4_194_304


async def describe_labels(link: Link, embedder: Embedder, label_set: str, descriptions: Mapping[str, str]) -> int:
    """Say what labels mean; the set is made when it is new. The number of the set.

    Raises:
        BadLabels: a label or a description is empty or too long.
        EngineUnavailable: no engine makes embeddings now.
    """
    said = {plain_text(label): plain_text(text) for label, text in descriptions.items()}
    for label, text in said.items():
        if not 0 < len(label) <= MOST_LABEL:
            raise BadLabels(expected("the label", f"1 to {MOST_LABEL} characters", label))
        if not 0 < len(text) <= MOST_DESCRIPTION:
            raise BadLabels(expected(f"the description of {label}", f"1 to {MOST_DESCRIPTION:,} characters", text[:80]))
    vectors = [to_database(vector) for vector in await embed_wholes(embedder, list(said.values()))]
    set_id: int = await link.use(lambda c: c.fetchval(_SQL["make_label_set"], label_set))
    columns = (list(said), list(said.values()), embedder.made_by, vectors)
    await link.use(lambda c: c.execute(_OURS["describe_label"], set_id, *columns))
    return set_id


def read_descriptions(path: Path) -> dict[str, str]:
    """Labels with what they mean from a YAML or JSON file that maps one to the other.

    Raises:
        BadLabels: the file cannot be read, or holds something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadLabels(
            expected("the file of descriptions", "a file that can be read", f"{path}: {error.strerror}")
        ) from error
    if len(data) > _MOST_BYTES:
        raise BadLabels(expected(path.name, f"at most {_MOST_BYTES:,} bytes", len(data)))
    found = _decode(path, data)
    if not isinstance(found, dict) or not found:
        raise BadLabels(expected(path.name, "a mapping of labels to descriptions", found))
    for label, text in found.items():
        if not isinstance(text, str):
            raise BadLabels(expected(f"the description of {label} in {path.name}", "a text", text, "put it in quotes"))
    return {str(label): text for label, text in found.items()}


def _decode(path: Path, data: bytes) -> Any:
    if path.suffix.lower() == ".json":
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadLabels(expected(path.name, "JSON", str(error))) from error
    yaml = load_extra("yaml")
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadLabels(expected(path.name, "YAML", " ".join(str(error).split()))) from error
