"""The state of fixed size that recurrent layers keep for each sequence, in 32 bits."""

from __future__ import annotations

from serdab.models.headers.fields import Fields


def state_bytes(fields: Fields) -> int:
    """Bytes for one layer and one sequence; 0, and said, when a field is missing."""
    for rule in (_gated_delta, _mamba2, _mamba1, _short_convolution):
        found = rule(fields)
        if found:
            return found
    fields.assume("the state of the recurrent layers is left out: their dimensions are not in the configuration")
    return 0


def mamba_state_bytes(inner: int, state: int, groups: int, kernel: int) -> int:
    """Of a layer with `inner` channels: the state, and the last inputs of the convolution."""
    return 4 * (inner * state + (inner + 2 * groups * state) * max(kernel - 1, 0))


def _gated_delta(fields: Fields) -> int:
    heads, wide = fields.number("linear_num_value_heads"), fields.number("linear_value_head_dim")
    key_heads, key_dim = fields.number("linear_num_key_heads"), fields.number("linear_key_head_dim")
    kernel = fields.number("linear_conv_kernel_dim")
    if not (heads and wide and key_heads and key_dim and kernel):
        return 0
    return 4 * (heads * wide * key_dim + (heads * wide + 2 * key_heads * key_dim) * (kernel - 1))


def _mamba2(fields: Fields) -> int:
    def first(*names: str) -> int | None:
        return next((value for name in names if (value := fields.number(name))), None)

    heads = first("mamba_num_heads", "mamba_n_heads") or (first("num_heads") if fields.kind == "mamba2" else None)
    wide = first("mamba_head_dim", "mamba_d_head") or (first("head_dim") if fields.kind == "mamba2" else None)
    state = first("ssm_state_size", "mamba_d_state", "state_size")
    kernel = first("conv_kernel", "mamba_d_conv", "conv_kernel_size")
    groups = first("n_groups", "mamba_n_groups")
    inner = heads * wide if heads and wide else first("mamba_d_ssm")
    if not (inner and state and kernel):
        return 0
    if groups is None:
        fields.assume("one group of the Mamba-2 state: the configuration does not say how many")
    return mamba_state_bytes(inner, state, groups or 1, kernel)


def _mamba1(fields: Fields) -> int:
    state = fields.number("state_size") or fields.number("mamba_d_state")
    kernel = fields.number("conv_kernel") or fields.number("mamba_d_conv")
    expand = fields.number("expand") or fields.number("mamba_expand")
    hidden = fields.number("hidden_size")
    inner = fields.number("intermediate_size") if fields.kind in ("mamba", "falcon_mamba") else None
    inner = inner or ((expand * hidden) if expand and hidden else None)
    return mamba_state_bytes(inner, state, 0, kernel) if inner and state and kernel else 0


def _short_convolution(fields: Fields) -> int:
    cache, hidden = fields.number("conv_L_cache"), fields.number("hidden_size")
    return 4 * hidden * (cache - 1) if cache and hidden else 0
