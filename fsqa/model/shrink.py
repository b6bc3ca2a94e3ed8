"""The same architecture, very small: what a rehearsal trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TINY_VOCABULARY = 512
TINY_LAYERS = 2
TINY_HEAD = 16
LEAST_POSITIONS = 2048
"""The tiny tokenizer needs more tokens for the same text, so positions are not made fewer."""
TINY_SIZES = {
    "hidden_size": 32,
    "n_embd": 32,
    "dim": 32,
    "intermediate_size": 64,
    "ffn_dim": 64,
    "hidden_dim": 64,
    "n_inner": 64,
    "num_hidden_layers": TINY_LAYERS,
    "num_layers": TINY_LAYERS,
    "n_layer": TINY_LAYERS,
    "n_layers": TINY_LAYERS,
    "num_attention_heads": 2,
    "num_heads": 2,
    "n_head": 2,
    "n_heads": 2,
    "rotary_dim": 8,
    "window_size": 8,
    "sliding_window": 8,
}
"""Tiny values by the names that transformers configs use; a config takes those it already has."""
NOT_SIZES = ("architectures", "transformers_version", "model_type", "dtype", "pad_token_id", "attention_layers")
"""What a config says that is no setting of its architecture, or follows from the others."""


def shrunk_sizes(config: Any) -> dict[str, Any]:
    """Return all settings of ``config`` with every size made tiny and every choice (heads tied, activation) kept."""
    present = config.to_dict()
    settings: dict[str, Any] = {name: value for name, value in config.to_diff_dict().items() if name not in NOT_SIZES}
    settings |= {name: tiny for name, tiny in TINY_SIZES.items() if present.get(name) is not None}
    settings |= _shrunk_heads(present) | _shrunk_layers(present)
    for name in ("max_position_embeddings", "n_positions"):
        if present.get(name) is not None:
            settings[name] = max(present[name], LEAST_POSITIONS)
    return settings


def _shrunk_heads(present: Mapping[str, Any]) -> dict[str, Any]:
    """Return tiny widths that stand to each other as the real ones: grouped or not, projected or not."""
    tiny: dict[str, Any] = {}
    width, heads = present.get("hidden_size"), present.get("num_attention_heads")
    if present.get("num_key_value_heads") is not None:
        tiny["num_key_value_heads"] = 2 if present["num_key_value_heads"] == heads else 1
    if present.get("head_dim") is not None:
        tiny["head_dim"] = TINY_HEAD if present["head_dim"] * heads == width else 2 * TINY_HEAD
    if present.get("word_embed_proj_dim") is not None:
        tiny["word_embed_proj_dim"] = 32 if present["word_embed_proj_dim"] == width else 16
    rope = present.get("rope_parameters") or {}
    if "long_factor" in rope:  # a factor for every pair of rotated dimensions
        pairs = int(TINY_HEAD * rope.get("partial_rotary_factor", 1.0)) // 2
        tiny["rope_parameters"] = {**rope, **{name: rope[name][:pairs] for name in ("short_factor", "long_factor")}}
    return tiny


def _shrunk_layers(present: Mapping[str, Any]) -> dict[str, Any]:
    """Return layers of every kind that the model has."""
    if "attention_types" in present:  # GPT-Neo
        kinds = list(dict.fromkeys(kind for pattern, _ in present["attention_types"] for kind in pattern))
        return {"attention_types": [[(kinds * TINY_LAYERS)[:TINY_LAYERS], 1]]}
    if present.get("layer_types"):
        kinds = list(dict.fromkeys(present["layer_types"]))
        return {"layer_types": (kinds * TINY_LAYERS)[:TINY_LAYERS], "max_window_layers": TINY_LAYERS // 2}
    return {}
