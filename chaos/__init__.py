"""Faults on purpose, an independent history of what steps did, and a checker that holds both to the invariants.

`python -m chaos` runs the matrix, `python -m chaos.soak` the long run; `tests/chaos` runs small pieces of the same.
"""
