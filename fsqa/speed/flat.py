"""A model's body run on the real tokens of a batch alone: rows laid end to end, each distinct beginning once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from jaxtyping import Float, Int
from torch import Tensor

from fsqa.model.depth import is_compiled
from fsqa.speed.flat_layout import FlatLayout, flat_layout

ATTENTION = "fsqa_flat"
"""The name under which transformers knows attention over flat tokens."""
BY_ATTENTION = frozenset(
    {"gpt2", "gpt_neox", "granite", "llama", "mistral", "olmo2", "opt", "phi", "phi3", "qwen2", "qwen3", "smollm3"}
)
"""Architectures that take their attention from transformers' registry and hand it what the model was called with."""
BY_MASK = frozenset({"gpt_neo", "gptj"})
"""Architectures with attention of their own, which are told by a mask who may look at whom."""
MASK_TOKENS = 512
"""Most flat tokens under a mask: it has a place for every pair of them, needed or not."""
PLAIN_TIME = 128
"""Longest rows for which attention on a CPU is plain products; from there on torch's own kernel is ahead."""
MOST_TOKENS = 0.92
"""Share of a batch's places up to which laying its tokens end to end pays; with less filler it costs some per cent."""


def has_dropout(model: torch.nn.Module) -> bool:
    """Say whether a training step of a model drops anything at random; tokens of several rows may then not be shared.

    Modules say so in different ways: as a layer for it, or as a rate that they pass on.
    """
    return any(
        isinstance(rate, float) and rate > 0
        for module in model.modules()
        for name, rate in vars(module).items()
        if "dropout" in name or (name == "p" and isinstance(module, torch.nn.Dropout))
    )


def supports_flat(model: Any) -> bool:
    """Say whether a model gives on flat tokens what it gives on padded rows; where not, it is run on padded ones.

    Asked once for a model: parts of a model whose configs are not the same object, attention that upcasts in a way of
    its own and compiled blocks (each new layout would be compiled again) are refused along with other architectures.
    """
    base = _base_model(model)
    config = base.config
    if config.model_type not in BY_ATTENTION | BY_MASK or is_compiled(base):
        return False
    if getattr(config, "reorder_and_upcast_attn", False) or getattr(config, "add_cross_attention", False):
        return False
    return all(getattr(module, "config", config) is config for module in base.modules())


def worthwhile_layout(
    model: Any, ids: Int[Tensor, "batch time"], roles: Int[Tensor, "batch time"], *, share: bool
) -> FlatLayout | None:
    """Return the layout of a batch on the CPU where it spares enough tokens to pay, else None.

    The model is one that :func:`supports_flat`. To look at a batch on a GPU would hold up what is queued there.
    """
    if ids.device.type != "cpu":
        return None
    for shared in (True, False) if share else (False,):
        layout = flat_layout(ids, roles, share=shared)
        if layout.tokens > MOST_TOKENS * ids.numel():
            return None  # apart, the rows have no fewer tokens
        if fits_flat(model, layout):
            return layout
    return None


def fits_flat(model: Any, layout: FlatLayout) -> bool:
    """Say whether a model that supports flat tokens can take these; always so, but for architectures under a mask.

    GPT-Neo measures its local windows in flat tokens, which is the distance in the row only while a row's tokens
    follow each other, and knows no place beyond its longest row.
    """
    config = _base_model(model).config
    if config.model_type not in BY_MASK:
        return True
    limit = min(MASK_TOKENS, config.max_position_embeddings)
    if layout.shared and "local" in getattr(config, "attention_layers", ()):
        limit = min(limit, config.window_size)
    return layout.tokens <= limit


def flat_logits(model: Any, layout: FlatLayout, **forward: Any) -> Any:
    """Return the model's output on flat tokens, [1, token, ...]; ``output.logits[0, layout.padded]`` is padded again.

    The model is one that :func:`supports_flat`, with adapters or without; ``forward`` is passed on to it.
    """
    base = _base_model(model)
    call = {"input_ids": layout.ids, "position_ids": layout.positions, "use_cache": False, **forward}
    if base.config.model_type in BY_MASK:
        return model(attention_mask=_visible(layout, base.dtype), **call)
    # A mask of four dimensions is handed on as it is. Ours holds no mask; were it to reach another attention than the
    # flat one, that would stop at its integers, and not go wrong without a word.
    with _flat_attention(base):
        return model(attention_mask=layout.ids[None, None], flat_layout=layout, **call)


def _base_model(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _visible(layout: FlatLayout, dtype: torch.dtype) -> Float[Tensor, "1 1 token token"]:
    """Return what is added to attention scores: 0 where a token may look, the lowest number elsewhere.

    A float, since GPT-Neo and GPT-J add any mask to their scores, one of booleans too.
    """
    rows, ends = layout.place // layout.padded.shape[1], layout.positions[0]
    times = torch.arange(layout.padded.shape[1], device=rows.device)
    itself = torch.arange(layout.tokens, device=rows.device)[:, None]
    path = torch.where(times <= ends[:, None], layout.padded[rows], itself)
    mask = torch.full((layout.tokens, layout.tokens), torch.finfo(dtype).min, dtype=dtype, device=rows.device)
    return mask.scatter_(1, path, 0.0)[None, None]


@contextmanager
def _flat_attention(base: Any) -> Iterator[None]:
    """Let a model's attention be the flat one, also where its blocks are computed again in the backward pass."""
    _register()
    recomputed = [module for module in base.modules() if vars(module).get("gradient_checkpointing")]
    functions = [module._gradient_checkpointing_func for module in recomputed]
    for module, function in zip(recomputed, functions, strict=True):
        module._gradient_checkpointing_func = _with_flat_attention(base.config, function)
    try:
        with _switched(base.config):
            yield
    finally:
        for module, function in zip(recomputed, functions, strict=True):
            module._gradient_checkpointing_func = function


def _with_flat_attention(config: Any, checkpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for checkpoints that computes a block with flat attention, now and later."""

    def checkpoint_flat(block: Callable[..., Any], *inputs: Any) -> Any:
        def flat_block(*inputs: Any) -> Any:
            with _switched(config):
                return block(*inputs)

        return checkpoint(flat_block, *inputs)

    return checkpoint_flat


@contextmanager
def _switched(config: Any) -> Iterator[None]:
    chosen = config._attn_implementation
    config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = chosen


@cache
def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, _attend)


def _attend(
    module: Any,
    query: Float[Tensor, "1 head token size"],
    key: Float[Tensor, "1 key_head token size"],
    value: Float[Tensor, "1 key_head token size"],
    attention_mask: Any,
    *,
    flat_layout: FlatLayout,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Float[Tensor, "1 token head size"], None]:
    """Attend inside each row alone, in the form in which transformers calls attention."""
    rows = [_in_rows(states, flat_layout) for states in (query, key, value)]
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        rows[1:] = [states.repeat_interleave(groups, dim=1) for states in rows[1:]]
    hidden, time = flat_layout.later, flat_layout.padded.shape[1]
    window = time if sliding_window is None else sliding_window
    if window < time:  # a token sees as many tokens as the window is wide, itself the last of them
        hidden = hidden.masked_fill(torch.ones_like(hidden, dtype=torch.bool).tril_(-window), -torch.inf)
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.device.type == "cpu" and time <= PLAIN_TIME:
        attended = _plain_attention(rows, hidden, scaling, dropout)
    else:
        options: dict[str, Any] = {"attn_mask": hidden == 0} if window < time else {"is_causal": True}
        attended = F.scaled_dot_product_attention(
            rows[0], rows[1], rows[2], dropout_p=dropout, scale=scaling, **options
        )
    tokens = attended.transpose(1, 2).flatten(2).flatten(0, 1)
    if not flat_layout.dense:
        tokens = F.embedding(flat_layout.place, tokens)
    return tokens.view(1, len(tokens), query.shape[1], -1), None


def _in_rows(states: Float[Tensor, "1 head token size"], layout: FlatLayout) -> Float[Tensor, "batch head time size"]:
    """Return the states of flat tokens at their places of the padded batch.

    As a look-up in a table, whose backward pass on a CPU is faster than that of an index.
    """
    _, heads, tokens, size = states.shape
    table = states[0].transpose(0, 1).reshape(tokens, heads * size)
    if not layout.dense:
        table = F.embedding(layout.padded, table)
    return table.view(*layout.padded.shape, heads, size).transpose(1, 2)


def _plain_attention(
    rows: list[Float[Tensor, "batch head time size"]],
    hidden: Float[Tensor, "time time"],
    scaling: float,
    dropout: float,
) -> Float[Tensor, "batch head time size"]:
    """Attend by plain products: on a CPU no slower than a kernel as long as rows are short, and often much faster."""
    query, key, value = (states.flatten(0, 1) for states in rows)
    hidden = hidden.to(query.dtype).expand(len(query), -1, -1)
    scores = torch.baddbmm(hidden, query, key.transpose(1, 2), alpha=scaling)
    shares = scores.softmax(dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(value.dtype)
    attended = torch.bmm(F.dropout(shares, dropout) if dropout else shares, value)
    return attended.view(*rows[0].shape[:3], -1)
