"""Memory to go on training a model: all of it, adapters, or adapters on quantised weights (field evidence §5.9)."""

from __future__ import annotations

from typing import Literal

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.checking import checked
from serdab.plan.figures import Estimate, Range, Term, total
from serdab.plan.shapes import Shape

Method = Literal["full", "full 8-bit", "lora", "qlora"]
#: Bytes of each parameter: weights, gradients, moments (ZeRO, arXiv:1910.02054); 4-bit weights with their scales.
BYTES_EACH: dict[str, float] = {"full": 16.0, "full 8-bit": 6.0, "lora": 2.0, "qlora": 0.58}
#: Share of the parameters that adapters of this rank on all matrices have, and bytes of each while it is trained.
ADAPTER_RANK, ADAPTER_SHARE, ADAPTER_BYTES = 16, 0.006, 16.0


def estimate_finetuning(shape: Shape, method: str, sequence_tokens: float = 2048, batch: float = 1) -> Estimate:
    """Bytes to train on one card, with recomputation of what layers computed.

    Raises:
        BadPlan: no such method, or a number makes no sense.
    """
    if not shape.hidden or not shape.depth:
        raise BadPlan(expected("the model", "one whose layers are known", shape.name, "it is not for pictures"))
    if method not in BYTES_EACH:
        raise BadPlan(expected("the method", f"one of {', '.join(BYTES_EACH)}", method))
    tokens = checked("context_tokens", sequence_tokens) * checked("users", batch)
    terms = _terms(shape, method, tokens)
    whole = total(terms)
    largest = max(terms, key=lambda term: term.value)
    return Estimate(
        name=f"training, {method}",
        unit="B",
        terms=tuple(terms),
        bound_by=largest.name,
        range=Range(low=whole * 0.8, likely=whole, high=whole * 1.35),
    )


def _terms(shape: Shape, method: str, tokens: float) -> list[Term]:
    kept = BYTES_EACH[method] * shape.parameters
    terms = [
        Term(
            name="weights and moments",
            value=kept,
            unit="B",
            why=f"{BYTES_EACH[method]:g} B x {shape.parameters / 1e9:.2f} G",
        )
    ]
    if method in ("lora", "qlora"):
        trained = ADAPTER_SHARE * shape.parameters
        terms.append(
            Term(
                name="adapters",
                value=trained * ADAPTER_BYTES,
                unit="B",
                why=f"{trained / 1e6:,.0f} M x {ADAPTER_BYTES:g} B",
            )
        )
    terms.append(
        Term(
            name="layers' inputs",
            value=2 * tokens * shape.hidden * shape.depth,
            unit="B",
            why="2 x tokens x hidden x layers",
        )
    )
    terms.append(
        Term(
            name="one layer's computation",
            value=34 * tokens * shape.hidden,
            unit="B",
            why="34 x tokens x hidden (Korthikanti)",
        )
    )
    if shape.writes:
        why = f"tokens x {shape.vocabulary:,} x 6 B"
        terms.append(Term(name="logits", value=6 * tokens * shape.vocabulary, unit="B", why=why))
    terms.append(Term(name="framework", value=1.2 * 2**30, unit="B", why="context, kernels, fragments"))
    return terms
