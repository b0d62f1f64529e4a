"""What a paper calls itself: a short cell at the head that is the name of its type, alone or with a number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from serdab.knowledge.extraction.folding import fold, is_running
from serdab.knowledge.extraction.schemas import Schema

#: Cells at the head of which one may be the title, how many a paper has, the most characters
#: and words of a title, and of one with a number.
HEAD_CELLS, LEAST_CELLS, LONGEST, MOST_WORDS, MOST_NUMBERED = 20, 3, 60, 6, 12
#: Weight of a cell that is the name, of one with a number, of one that ends with the name, of one that begins with it.
ALONE, NUMBERED, ENDING, BEGINNING = 3.0, 2.5, 2.0, 0.75
#: Letters from which on a name may end a longer word, as in Mietvertrag.
COMPOUND = 5
_RUN = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\W{0,3}(?:[^\W\d]{1,8}\W{1,3}){0,2}\S{0,12}\d")


class Titles:
    """The names of some schemas."""

    def __init__(self, schemas: Sequence[Schema]) -> None:
        self._count = len(schemas)
        #: By the first or last run of a name: the names that a cell may begin or end with.
        self._by_run: dict[str, set[tuple[str, int]]] = {}
        #: The names in scripts that need no spaces, without any, and those that may end a longer word.
        self._running: set[tuple[str, int]] = set()
        self._ends: dict[str, int] = {}
        for place, schema in enumerate(schemas):
            names = (schema.schema.replace("_", " "), *schema.doc_types) if schema.titles is None else schema.titles
            for name in map(fold, names):
                runs = _RUN.findall(name)
                if is_running(name):
                    self._running.add((name.replace(" ", ""), place))
                    continue
                for run in runs[:1] + runs[-1:]:
                    self._by_run.setdefault(run, set()).add((name, place))
                if len(runs) == 1 and len(name) >= COMPOUND:
                    self._ends[name] = place
        self._suffixes = tuple(self._ends)

    def weigh(self, cells: Sequence[str]) -> list[float]:
        """What the surest title of each schema weighs, 0 where it has none; the cells are folded."""
        weights = [0.0] * self._count
        # A message of a line or two has no head.
        if len(cells) >= LEAST_CELLS:
            for cell in cells[:HEAD_CELLS]:
                if len(cell) <= LONGEST:
                    self._weigh_cell(cell.strip("_=.: "), weights)
        return weights

    def _weigh_cell(self, cell: str, weights: list[float]) -> None:
        runs = _RUN.findall(cell)
        if not runs:
            return
        for name, place in self._by_run.get(runs[0], set()) | self._by_run.get(runs[-1], set()):
            weights[place] = max(weights[place], _weight(cell, name, len(runs)))
        for run in {runs[0], runs[-1]} if len(runs) <= MOST_WORDS else runs[:1]:
            if run.endswith(self._suffixes) and run not in self._ends:
                place = max((len(end), place) for end, place in self._ends.items() if run.endswith(end))[1]
                weights[place] = max(weights[place], ENDING)
        if is_running(cell):
            tight = cell.replace(" ", "")
            for name, place in self._running:
                if name in tight:
                    weights[place] = max(weights[place], _weight(tight, name, 1 + (len(tight) - len(name)) // 3))


def _weight(cell: str, name: str, words: int) -> float:
    if cell == name:
        return ALONE
    runs_on = is_running(name)
    if cell.startswith(name):
        is_whole = runs_on or not cell[len(name)].isalnum()
        if is_whole and words <= MOST_NUMBERED and _NUMBER.match(cell, len(name)):
            return NUMBERED
        if is_whole and words <= MOST_WORDS:
            return BEGINNING
    if words <= MOST_WORDS and cell.endswith(name) and (runs_on or not cell[-len(name) - 1].isalnum()):
        return ENDING
    return 0.0
