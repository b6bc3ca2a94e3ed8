"""A small model of every decoder that there is a preset for."""

from functools import cache
from importlib import import_module
from types import SimpleNamespace

import torch
import yaml

from fsqa.config.instantiate import build
from tests.builders import CONF, characters

DIFFERENT = {
    "bloom": "bloom_560m",
    "gpt2": "gpt2",
    "gpt_neo": "gpt_neo_125m",
    "gpt_neox": "pythia_70m",
    "gptj": "gpt_j_6b",
    "llama": "llama3_1_8b",
    "opt_after": "opt_350m",
    "opt_before": "opt_125m",
    "phi3": "phi3_5_mini_instruct",
    "qwen2": "qwen2_0_5b",
    "qwen3": "qwen3_0_6b",
}
"""One preset for each architecture, and for OPT one with norms before and one with norms after the blocks."""


@cache
def _preset(name: str):
    parent = yaml.safe_load((CONF / "model" / "pretrained.yaml").read_text(encoding="utf-8"))
    own = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
    return {**parent, **{key: value for key, value in own.items() if key != "defaults"}}


def small(name: str, max_length: int = 64, seed: int = 0):
    """Return a random model with the architecture of a preset, without dropout, for the character tokenizer."""
    model = build(_preset(DIFFERENT[name])).shrunk().model(characters(), max_length, seed)
    for module in model.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    for key in ("dropout", "attention_dropout", "hidden_dropout", "attn_pdrop", "resid_pdrop", "embd_pdrop"):
        if hasattr(model.config, key):
            setattr(model.config, key, 0.0)
    for module in model.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return model


def widened(model, monkeypatch):
    """Put a model into double precision, also where its architecture computes in single precision whatever it is.

    Norms and attention scores do; without this, two orders of adding could be told apart by no less than 1e-8.
    """
    double = SimpleNamespace(**{**vars(torch), "float32": torch.float64})
    monkeypatch.setattr(import_module(type(model).__module__), "torch", double)
    return model.double()
