"""Who makes the vectors of the documents: in one database one model in one precision, others cannot be compared."""

from __future__ import annotations

from serdab.core import expected
from serdab.knowledge.errors import OtherMaker
from serdab.knowledge.features import STRANGE_TO_ENGLISH
from serdab.models import MODELS, ModelEntry
from serdab.store import Connection, load_statements

_SQL = load_statements("serdab.knowledge")


def strange_scripts(made_by: str) -> tuple[int, ...]:
    """The scripts that a maker of vectors has no words for: where too few rows can tell, n-grams decide there.

    Args:
        made_by: model and precision, as `Embedder.made_by` has it; one that is not known is taken to know English.
    """
    entry = _entry_of(made_by)
    return () if entry is not None and entry.is_multilingual else STRANGE_TO_ENGLISH


def unrelated_cosine(made_by: str) -> float:
    """The cosine that vectors of one maker have for texts that have nothing to do with each other."""
    entry = _entry_of(made_by)
    return entry.unrelated if entry is not None else 0.0


def _entry_of(made_by: str) -> ModelEntry | None:
    return MODELS.get(made_by.partition("/")[0])


async def claim_maker(connection: Connection, made_by: str) -> None:
    """Before vectors are added: the first that adds some is the maker of the others, too.

    Args:
        connection: to the database of the documents.
        made_by: model and precision, as `Embedder.made_by` has it; empty: not known, and not compared.

    Raises:
        OtherMaker: another model or precision made those that are there.
    """
    if made_by and not await _compare(connection, made_by):
        await connection.execute(_SQL["claim_maker"], made_by)
        # Another worker may have been first.
        await _compare(connection, made_by)


async def check_maker(connection: Connection, made_by: str, first: str = "") -> None:
    """Before a vector is compared with those of the documents.

    Args:
        connection: to the database of the documents.
        made_by: as of `claim_maker`.
        first: what the error says may help before anything else.

    Raises:
        OtherMaker: another model or precision made those that are there.
    """
    if made_by:
        await _compare(connection, made_by, first)


async def _compare(connection: Connection, made_by: str, first: str = "") -> bool:
    """Whether it is known who made the vectors."""
    known = await connection.fetchval(_SQL["maker_of_vectors"])
    if known not in (None, made_by):
        to_be = f"made by {known}, which made those of the documents in this database"
        todo = "set models.embedder and models.precision back, or put documents through in a new home (--set home=…)"
        raise OtherMaker(expected("these vectors", to_be, made_by, first + todo), made_by=made_by, known=known)
    return known is not None
