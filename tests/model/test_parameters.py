import pytest
import torch
from torch import nn

from fsqa.model.parameters import PARTS, Count, count_parameters, distinct_parameters, sum_of
from tests.builders import SIZES, tiny_model
from tests.tuning.adapters import encoder, lora


@pytest.mark.parametrize("architecture", [*SIZES, "distilbert", "bert"])
def test_parts_add_up(architecture):
    model = encoder(architecture) if architecture in ("distilbert", "bert") else tiny_model(architecture)
    counts = count_parameters(model)
    whole = sum(parameter.numel() for parameter in model.parameters())
    assert sum_of(counts) == Count(whole, whole)
    assert {"embeddings", "attention", "feed-forward", "norms"} <= set(counts) <= set(PARTS)


def test_gpt2_by_hand():
    """Width 32, 2 blocks, 64 positions; the head is tied."""
    rows = tiny_model("gpt2").get_input_embeddings().num_embeddings
    assert count_parameters(tiny_model("gpt2")) == {
        "embeddings": Count(rows * 32, rows * 32),
        "positions": Count(64 * 32, 64 * 32),
        "attention": Count(2 * (32 * 96 + 96 + 32 * 32 + 32), 2 * (32 * 96 + 96 + 32 * 32 + 32)),
        "feed-forward": Count(2 * (32 * 128 + 128 + 128 * 32 + 32), 2 * (32 * 128 + 128 + 128 * 32 + 32)),
        "norms": Count(5 * 64, 5 * 64),
    }


def test_a_head_of_its_own():
    rows = tiny_model("llama").get_input_embeddings().num_embeddings
    assert count_parameters(tiny_model("llama"))["head"] == Count(rows * 32, rows * 32)


def test_adapters():
    counts = count_parameters(lora(rank=4)(tiny_model("gpt2")))
    adapters = 2 * 4 * (32 + 96)
    assert counts["adapters"] == Count(adapters, adapters)
    assert {part: count.trainable for part, count in counts.items() if part != "adapters"} == dict.fromkeys(
        ("embeddings", "positions", "attention", "feed-forward", "norms"), 0
    )


def test_shared_memory_counts_once():
    module = nn.Module()
    module.first = nn.Parameter(torch.zeros(3, 2))
    module.second = nn.Parameter(module.first.data)  # another parameter over the same numbers
    module.third = nn.Parameter(torch.zeros(3, 2))
    assert [name for name, _ in distinct_parameters(module)] == ["first", "third"]
    with torch.device("meta"):
        assert len(list(distinct_parameters(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))))) == 4
