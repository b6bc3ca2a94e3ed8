"""The same architecture, very small: what a rehearsal trains."""

from __future__ import annotations

from typing import Any

TINY_VOCABULARY = 512
TINY_LAYERS = 2
LEAST_POSITIONS = 2048
"""The tiny tokenizer needs more tokens for the same text, so positions are not made fewer."""
TINY_SIZES = {
    "hidden_size": 32,
    "n_embd": 32,
    "word_embed_proj_dim": 32,
    "intermediate_size": 64,
    "ffn_dim": 64,
    "n_inner": 64,
    "num_hidden_layers": TINY_LAYERS,
    "num_layers": TINY_LAYERS,
    "n_layer": TINY_LAYERS,
    "num_attention_heads": 2,
    "num_heads": 2,
    "n_head": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "rotary_dim": 8,
    "window_size": 8,
}
"""Tiny values by the names that transformers configs use; a config takes those it already has."""


def shrunk_sizes(config: Any) -> dict[str, Any]:
    """Return all settings of ``config`` with every size made tiny and every choice (heads tied, activation) kept."""
    settings: dict[str, Any] = config.to_diff_dict()
    for name in ("architectures", "transformers_version", "model_type", "dtype", "pad_token_id", "attention_layers"):
        settings.pop(name, None)
    present = config.to_dict()
    for name, tiny in TINY_SIZES.items():
        if present.get(name) is not None:
            settings[name] = tiny
    for name in ("max_position_embeddings", "n_positions"):
        if present.get(name) is not None:
            settings[name] = max(present[name], LEAST_POSITIONS)
    if "attention_types" in present:  # GPT-Neo: one local and one global layer stay
        settings["attention_types"] = [[["global", "local"], TINY_LAYERS // 2]]
    if present.get("layer_types"):
        settings["layer_types"] = present["layer_types"][:TINY_LAYERS]
    return settings
