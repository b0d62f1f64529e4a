"""Which examples are held out when: near copies together, so that no row is told by its own twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serdab.engines import load_extra

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

#: Rows up to which each is told by heads that learned from four fifths of the others; of more, a part is held out.
MOST_FOLDED = 4_000
FOLDS = 5
#: Fewest rows that are worth holding out.
LEAST_HELD_OUT = 30
#: Groups of a kind below which its rows are always learned from.
LEAST_GROUPS = 3
_MOST_HELD_OUT = 2_000
_HELD_OUT_SHARE = 0.1
#: From which likeness of their rarer n-grams on two rows are near copies; the least is taken that keeps groups small.
_LIKENESSES = (0.12, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)
_MOST_GROUP, _MOST_GROUP_SHARE = 10, 0.02
#: N-grams that more rows have tell nothing about copies.
_COMMON = 0.05


def fold_rows(kinds: Any, fixed: Any, grams: Any) -> NDArray[int64]:
    """The fold of each row, each kind in all of them as far as it goes; -1 for rows that are always learned from.

    Args:
        kinds: the kind of each row.
        fixed: rows that are never held out.
        grams: a sparse matrix with the n-grams of each row.
    """
    numpy = load_extra("numpy")
    if len(kinds) > MOST_FOLDED:
        found = _hold_out(numpy, kinds, fixed)
    else:
        found = _cross(numpy, kinds, fixed, group_copies(grams))
    none: NDArray[int64] = numpy.full(len(kinds), -1)
    return found if (found >= 0).sum() >= LEAST_HELD_OUT else none


def group_copies(grams: Any) -> NDArray[int64]:
    """A number for each row; rows that are near copies of each other share one."""
    numpy, sparse = load_extra("numpy"), load_extra("scipy.sparse")
    rows = grams.shape[0]
    spread = numpy.bincount(grams.indices, minlength=grams.shape[1])
    rarity = numpy.log(rows / numpy.maximum(spread, 1))
    rarity[spread > max(3, _COMMON * rows)] = 0
    weighed = grams.multiply(rarity.astype(numpy.float32)).tocsr()
    weighed.eliminate_zeros()
    lengths = numpy.sqrt(numpy.asarray(weighed.multiply(weighed).sum(1)))
    weighed = sparse.csr_matrix(weighed.multiply(1 / numpy.maximum(lengths, 1e-9)))
    like = (weighed @ weighed.T).tocoo()
    most = max(_MOST_GROUP, _MOST_GROUP_SHARE * rows)
    for least in _LIKENESSES:
        near = like.data >= least
        graph = sparse.csr_matrix((like.data[near], (like.row[near], like.col[near])), shape=(rows, rows))
        groups: NDArray[int64] = load_extra("scipy.sparse.csgraph").connected_components(graph)[1]
        if numpy.bincount(groups).max() <= most:
            return groups
    alone: NDArray[int64] = numpy.arange(rows)
    return alone


def _cross(numpy: Any, kinds: Any, fixed: Any, groups: Any) -> Any:
    """Every group in one of the folds, those of a kind dealt one after the other."""
    of_group = numpy.full(groups.max() + 1, -1)
    order = numpy.random.default_rng(0).permutation(len(kinds))
    turn = 0
    for kind in range(kinds.max() + 1):
        for group in dict.fromkeys(groups[order[kinds[order] == kind]].tolist()):
            if of_group[group] < 0:
                of_group[group], turn = turn % FOLDS, turn + 1
    found = of_group[groups]
    found[fixed] = -1
    for kind in range(kinds.max() + 1):
        here = kinds == kind
        few = len(numpy.unique(groups[here])) < LEAST_GROUPS and not fixed[here].any()
        # A head must have seen every kind.
        if few or (len(numpy.unique(found[here])) < 2):
            found[here] = -1
    return found


def _hold_out(numpy: Any, kinds: Any, fixed: Any) -> Any:
    """A share of each kind, never its last two rows."""
    found = numpy.full(len(kinds), -1)
    order = numpy.random.default_rng(0).permutation(len(kinds))
    share = min(_HELD_OUT_SHARE, _MOST_HELD_OUT / len(kinds))
    for kind in range(kinds.max() + 1):
        rows = order[(kinds[order] == kind) & ~fixed[order]]
        found[rows[: max(0, min(len(rows) - 2, int(numpy.ceil(len(rows) * share))))]] = 0
    return found
