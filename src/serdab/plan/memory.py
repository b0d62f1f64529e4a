"""What a model needs on a card, as a sum that can be read line by line, and whether that fits.

M = weights + keys and values + states + computation + the engine's own + what others keep (field evidence §5.1).
"""

from __future__ import annotations

import msgspec

from serdab.core import expected
from serdab.plan.bad_plan import BadPlan
from serdab.plan.checking import checked
from serdab.plan.devices import Device
from serdab.plan.figures import Term, total
from serdab.plan.finetuning import ADAPTER_RANK, ADAPTER_SHARE
from serdab.plan.kv import cache_terms
from serdab.plan.shapes import Shape, Weights

GIB = 2**30


class EngineMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine takes beside weights and cache."""

    #: Context of the driver and the engine's own allocations, bytes on each card.
    runtime_bytes: float
    #: Tokens that are computed in one go.
    batch_tokens: int
    #: Bytes of scratch for each such token, in multiples of hidden size (2 bytes each).
    activation: float
    #: Bytes of one logit, and whether they are made of every token of the batch or of the last one of each sequence.
    logit_bytes: float = 4.0
    all_logits: bool = False
    #: Bytes of buffers between each pair of cards.
    joining_bytes: float = 0.0
    #: Whether several cards share each layer (tensor parallel), and not the layers one after another.
    shares_layers: bool = False
    #: Whether sliding layers keep a batch beside their window.
    keeps_batch: bool = False
    #: Sequences that states are kept for even where one is used (llama-server keeps four), and tokens that a built
    #: engine reserves for each sequence at least.
    least_states: int = 1
    least_tokens: int = 0
    #: Whether the input embedding, and layers that have no room, stay with the processor.
    uses_host: bool = False


#: By engine. llama.cpp: CUDA context and compute buffer of 512 tokens with their logits; vLLM, SGLang, TensorRT-LLM:
#: activations 2·tokens·h·c with c = 11 (aiconfigurator), joining 342 MB at two cards, logits of last tokens only
#: (`gather_context_logits` is off); TensorRT Edge-LLM: a built engine reserves the longest prompt of its profile, whose
#: activations are h and the feed-forward's 3·h in several copies (fitted to its published memory, 0.6B to 8B);
#: diffusers: PyTorch's context.
ENGINES: dict[str, EngineMemory] = {
    "llama.cpp": EngineMemory(
        runtime_bytes=0.45 * GIB,
        batch_tokens=512,
        activation=12,
        all_logits=True,
        keeps_batch=True,
        least_states=4,
        uses_host=True,
    ),
    "ollama": EngineMemory(
        runtime_bytes=0.55 * GIB,
        batch_tokens=512,
        activation=12,
        all_logits=True,
        keeps_batch=True,
        least_states=4,
        uses_host=True,
    ),
    "vllm": EngineMemory(
        runtime_bytes=0.9 * GIB, batch_tokens=2048, activation=11, joining_bytes=342e6, shares_layers=True
    ),
    "sglang": EngineMemory(
        runtime_bytes=1.0 * GIB, batch_tokens=4096, activation=11, joining_bytes=342e6, shares_layers=True
    ),
    "tensorrt-llm": EngineMemory(
        runtime_bytes=1.0 * GIB, batch_tokens=4096, activation=11, joining_bytes=342e6, shares_layers=True
    ),
    "edge-llm": EngineMemory(runtime_bytes=0.95 * GIB, batch_tokens=3072, activation=43, least_tokens=3072),
    "triton": EngineMemory(runtime_bytes=0.8 * GIB, batch_tokens=1024, activation=11),
    "diffusers": EngineMemory(runtime_bytes=0.9 * GIB, batch_tokens=1024, activation=8),
    "mlx": EngineMemory(runtime_bytes=0.3 * GIB, batch_tokens=512, activation=12, all_logits=True),
}
#: What a desktop and its driver keep of a card that shows a picture, and of one that does not.
DISPLAY_BYTES, DRIVER_BYTES = 0.9 * GIB, 0.1 * GIB
#: What llama.cpp and ollama load beside a model that also sees.
VISION_BYTES = 1.2 * GIB
#: A plan leaves this share free: fragments, and what nobody thought of.
MARGIN = 0.08


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Another model on the same cards."""

    shape: Shape
    weights: Weights
    #: Whether it writes drafts for the model: it then has the same sequences, in the same process.
    drafts: bool = False


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is used."""

    context_tokens: float = 8192
    #: Sequences at once.
    sequences: float = 1
    kv: str = "f16"
    engine: str = "llama.cpp"
    #: Cards that share it: the layers one after another (llama.cpp), or each layer (servers), which keeps some caches
    #: more than once.
    cards: int = 1
    #: Share of the layers that is on the cards; the rest is with the processor.
    on_cards: float = 1.0
    display: bool = False
    #: What else lives there: a draft model, an embedding or rerank model, a second model.
    neighbours: tuple[Neighbour, ...] = ()
    #: LoRA adapters that are held at once, and the rank that there is room for.
    adapters: int = 0
    adapter_rank: int = 16
    batch_tokens: int = 0
    #: Whether attention keeps no scores (flash attention); without it a batch keeps those of its whole context.
    flash_attention: bool = True
    #: Whether the part that sees is loaded, where the model has one.
    vision: bool = True


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something fits, and how nearly."""

    terms: tuple[Term, ...]
    need_bytes: float
    have_bytes: float
    #: The 80 % interval of what is needed.
    low_bytes: float
    high_bytes: float

    @property
    def fits(self) -> bool:
        """Whether it fits with the margin that a plan leaves."""
        return self.need_bytes <= self.have_bytes * (1 - MARGIN)

    @property
    def spare_bytes(self) -> float:
        """What is left; negative: what is missing."""
        return self.have_bytes - self.need_bytes


def engine_named(name: str) -> EngineMemory:
    """An engine's memory.

    Raises:
        BadPlan: no such engine.
    """
    plain = name.lower().split()[0] if name.strip() else "llama.cpp"
    plain = {
        "llamacpp": "llama.cpp",
        "llama-server": "llama.cpp",
        "trtllm": "tensorrt-llm",
        "trt-llm": "tensorrt-llm",
        "tensorrt": "edge-llm" if "edge" in name.lower() else "tensorrt-llm",
    }.get(plain, plain)
    if plain not in ENGINES:
        raise BadPlan(expected("the engine", f"one of {', '.join(ENGINES)}", name))
    return ENGINES[plain]


def can_share(shape: Shape, engine: str, cards: int) -> bool:
    """Whether an engine can put a model on so many cards: where they share each layer, each has as many heads.

    Raises:
        BadPlan: no such engine.
    """
    return not engine_named(engine).shares_layers or not shape.heads or shape.heads % cards == 0


def memory_terms(shape: Shape, weights: Weights, load: Load) -> tuple[Term, ...]:
    """What the model needs on all its cards together, in bytes.

    Raises:
        BadPlan: a number or name makes no sense, or the cards cannot share the model.
    """
    engine = engine_named(load.engine)
    checked("cards", load.cards)
    if not can_share(shape, load.engine, load.cards):
        to_be = f"a number that divides its {shape.heads} heads, which {load.engine} shares out"
        raise BadPlan(expected(f"the cards of {shape.name}", to_be, load.cards, "take fewer or more, or llama.cpp"))
    checked("share of layers on the cards", load.on_cards, least=0.0, most=1.0)
    batch = load.batch_tokens or engine.batch_tokens
    if not shape.writes:  # a text that is only read goes through in one piece
        batch = max(batch, int(load.context_tokens))
    host = weights.embedding_bytes if engine.uses_host and not shape.tied_embeddings else 0
    held = (weights.bytes - host) * load.on_cards
    why = (
        f"{shape.parameters / 1e9:,.2f} G parameters in {weights.format}"
        + (f", without the input embedding of {host / GIB:.2f} GiB" if host else "")
        + (f", {load.on_cards:.0%} of the layers" if load.on_cards < 1 else "")
    )
    terms = [Term(name="weights", value=held, unit="B", why=why)]
    context = max(load.context_tokens, engine.least_tokens)
    kept = cache_terms(
        shape,
        context,
        load.sequences,
        load.kv,
        batch if engine.keeps_batch else 0.0,
        load.cards if engine.shares_layers else 1,
    )
    slots = max(1.0, engine.least_states / load.sequences)
    terms += [
        msgspec.structs.replace(
            term,
            value=term.value * load.on_cards * (slots if term.name == "recurrent state" else 1),
            why=term.why + (f", {slots:g} slots" if term.name == "recurrent state" and slots > 1 else ""),
        )
        for term in kept
    ]
    terms += _beside(shape, load, engine, batch)
    terms += [neighbour_term(each, load) for each in load.neighbours]
    return tuple(terms)


def neighbour_term(each: Neighbour, load: Load) -> Term:
    """What another model on the same cards needs: its own sum, without a second engine where it drafts.

    One that does not draft answers one sequence at a time, of the context that it was made for at most.

    Raises:
        BadPlan: a number or name makes no sense.
    """
    own = msgspec.structs.replace(load, neighbours=(), adapters=0, on_cards=1.0)
    if not each.drafts:
        context = min(load.context_tokens, each.shape.context_tokens or load.context_tokens)
        own = msgspec.structs.replace(own, sequences=1, context_tokens=context)
    parts = [term for term in memory_terms(each.shape, each.weights, own) if not each.drafts or term.name != "engine"]
    why = " + ".join(f"{term.name} {term.value / GIB:.2f}" for term in parts if term.value)
    name = f"{'draft' if each.drafts else 'beside it'}: {each.shape.name} {each.weights.format}"
    return Term(name=name, value=total(parts), unit="B", why=f"{why} GiB")


def _beside(shape: Shape, load: Load, engine: EngineMemory, batch: int) -> list[Term]:
    """What is needed beside weights and cache."""
    terms: list[Term] = []
    rows = (batch if engine.all_logits else load.sequences) if shape.writes else 0
    scratch = batch * shape.hidden * 2.0 * engine.activation + rows * shape.vocabulary * engine.logit_bytes
    terms.append(
        Term(
            name="computation",
            value=scratch * load.cards**0.5,
            unit="B",
            why=f"{batch} tokens x {shape.hidden} x 2 B x {engine.activation:g}"
            + (f" + {rows:g} x {shape.vocabulary:,}" if rows else ""),
        )
    )
    if not load.flash_attention:
        why = f"{batch} tokens x {load.context_tokens:,.0f} x {shape.heads} heads x 4 B, without flash attention"
        scores = batch * load.context_tokens * shape.heads * 4.0
        terms.append(Term(name="attention scores", value=scores, unit="B", why=why))
    terms.append(
        Term(
            name="engine", value=engine.runtime_bytes * load.cards, unit="B", why=f"{load.engine}, {load.cards} card(s)"
        )
    )
    if load.cards > 1 and engine.joining_bytes:
        terms.append(
            Term(name="joining", value=engine.joining_bytes * load.cards, unit="B", why="buffers between cards")
        )
    if shape.kind == "vlm" and engine.keeps_batch and load.vision:
        why = "projector of about 0.45 G at 16 bits and its buffers; loaded by default, left out with --no-mmproj"
        terms.append(Term(name="vision part", value=VISION_BYTES, unit="B", why=why))
    if load.adapters:
        checked("adapters", load.adapters, most=10_000)
        checked("rank of the adapters", load.adapter_rank, most=4096)
        each = ADAPTER_SHARE * load.adapter_rank / ADAPTER_RANK * shape.parameters
        why = f"{load.adapters} x {each / 1e6:,.0f} M at 16 bits, of rank {load.adapter_rank} on all matrices"
        terms.append(Term(name="adapters", value=2 * each * load.adapters, unit="B", why=why))
    return terms


def uncertainty(terms: tuple[Term, ...], weights: Weights) -> tuple[float, float]:
    """Bytes by which less and more may be needed: buffers, and formats of one name that differ (headers: none).

    More is likelier than less: files of one name have up to 8 % more bits, draft heads and desktops come on top, and
    K-quants of experts whose width is no multiple of 256 (which a header would say) fall back to wider blocks.
    """
    loose = sum(term.value for term in terms if term.name in ("computation", "engine"))
    loose += 0.05 * sum(term.value for term in terms if term.name.startswith("KV"))
    held = 0.0 if weights.exact else sum(term.value for term in terms if term.name == "weights")
    fallback = 0.1 * weights.expert_bytes if held and "_K" in weights.format else 0.0
    return loose + 0.06 * held, loose + 0.15 * held + fallback


def check_fit(device: Device, shape: Shape, weights: Weights, load: Load) -> Fit:
    """Whether a model fits on cards of one kind, and what the sum is."""
    terms = memory_terms(shape, weights, load)
    need = total(terms)
    keep = (DISPLAY_BYTES if load.display else DRIVER_BYTES) * load.cards
    have = max(0.0, device.memory_bytes * device.usable_share * load.cards - keep)
    less, more = uncertainty(terms, weights)
    return Fit(terms=terms, need_bytes=need, have_bytes=have, low_bytes=max(0.0, need - less), high_bytes=need + more)


def most_sequences(device: Device, shape: Shape, weights: Weights, load: Load) -> int:
    """How many sequences have room at once; 0 where not even one has."""

    def need_bytes(sequences: int) -> float:
        return total(memory_terms(shape, weights, msgspec.structs.replace(load, sequences=sequences)))

    have = check_fit(device, shape, weights, load).have_bytes * (1 - MARGIN)
    if need_bytes(1) > have:
        return 0
    kept = engine_named(load.engine).least_states  # only sequences beyond it need states of their own
    there = kept if need_bytes(kept) <= have else 1
    each = need_bytes(there + 1) - need_bytes(there)
    return there + int((have - need_bytes(there)) / each) if each > 0 else 1_000_000


def offload_share(shape: Shape, weights: Weights, room_bytes: float, load: Load) -> float:
    """Share of the layers that has room on the cards when the rest is with the processor."""
    none = total(memory_terms(shape, weights, msgspec.structs.replace(load, on_cards=0.0)))
    whole = total(memory_terms(shape, weights, load))
    if whole <= room_bytes:
        return 1.0
    return max(0.0, min(1.0, (room_bytes - none) / max(whole - none, 1.0)))
