import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from fsqa.errors import InputError
from fsqa.model.depth import blocks, depth_of
from tests.builders import SIZES, tiny_model
from tests.tuning.adapters import encoder, lora

DECODERS = [*SIZES, "bloom", "gptj", "qwen3", "smollm3", "phi3"]


def model_of(architecture: str):
    if architecture in SIZES:
        return tiny_model(architecture)
    if architecture in ("distilbert", "bert"):
        return encoder(architecture)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture))


@pytest.mark.parametrize("architecture", [*DECODERS, "distilbert", "bert"])
def test_every_parameter_has_a_depth(architecture):
    model = model_of(architecture)
    depths, stack = depth_of(model), blocks(model)
    assert set(depths) == {name for name, _ in model.named_parameters()}
    assert isinstance(stack, nn.ModuleList)
    assert set(depths.values()) == set(range(len(stack) + 2))
    by_block = {id(p): i + 1 for i, block in enumerate(stack) for p in block.parameters()}
    for name, parameter in model.named_parameters():
        if id(parameter) in by_block:
            assert depths[name] == by_block[id(parameter)]
        else:
            assert depths[name] in (0, len(stack) + 1)
            assert (depths[name] == 0) == ("emb" in name or name.split(".")[-2] in ("wte", "wpe", "project_in"))


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "distilbert"])
def test_adapters_lie_where_their_module_does(architecture):
    model = model_of(architecture)
    plain = depth_of(model)
    tuned = lora(targets="all-linear", train_head=architecture != "distilbert")(model, ())
    depths = depth_of(tuned)
    for name, depth in depths.items():
        if "lora_" in name:
            module = name.removeprefix("base_model.model.").partition(".lora_")[0]
            assert depth == plain[f"{module}.weight"]
    assert len(blocks(tuned)) == 2


def test_a_head_of_its_own_and_one_that_is_tied():
    assert depth_of(tiny_model("llama"))["lm_head.weight"] == 3
    assert depth_of(tiny_model("gpt_neox"))["gpt_neox.embed_in.weight"] == 0
    assert depth_of(tiny_model("gpt2"))["transformer.wte.weight"] == 0


def test_no_blocks():
    with pytest.raises(InputError, match="no stack of blocks in Linear"):
        blocks(nn.Linear(2, 2))
