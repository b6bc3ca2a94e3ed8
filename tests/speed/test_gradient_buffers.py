import copy
from functools import partial

import pytest
import torch
from torch import nn

from fsqa.speed import gradient_buffers
from fsqa.speed.gradient_buffers import GradientBuffers
from tests.builders import SIZES, tiny_model


@pytest.fixture(autouse=True)
def _every_weight_is_large(monkeypatch):
    monkeypatch.setattr(gradient_buffers, "SMALLEST", 1)


def gradients(model, ids, steps=1):
    """Gradients after so many backward passes that add up."""
    model.zero_grad()
    for part in ids.chunk(steps):
        model(input_ids=part, use_cache=False).logits.square().mean().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def ids_for(model, rows=4, time=7):
    return torch.randint(3, model.config.vocab_size, (rows, time), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("architecture", sorted(SIZES))
@pytest.mark.parametrize("steps", [1, 2])
def test_gradients_are_those_of_autograd(architecture, steps):
    model = tiny_model(architecture).double()
    ids = ids_for(model)
    expected = gradients(model, ids, steps)
    GradientBuffers().install(model)
    for _ in range(3):  # the second and third pass write over what is in the buffers
        found = gradients(model, ids, steps)
        assert found.keys() == expected.keys()
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-13)


def test_the_memory_stays_the_same():
    model = tiny_model("gpt_neo")
    GradientBuffers().install(model)
    ids = ids_for(model)
    places = []
    for _ in range(2):
        model.zero_grad()
        model(input_ids=ids, use_cache=False).logits.square().mean().backward()
        places.append({n: p.grad.data_ptr() for n, p in model.named_parameters() if p.ndim == 2})
    assert places[0] == places[1]


def test_a_step_without_a_gradient_leaves_none():
    """What took no part in a step must not learn from the step before."""
    embedding, layer = nn.Embedding(50, 8), nn.Linear(8, 8)
    model = nn.ModuleDict({"embedding": embedding, "layer": layer})
    GradientBuffers().install(model)
    layer(embedding(torch.tensor([1, 2]))).sum().backward()
    model.zero_grad()
    embedding(torch.tensor([3])).sum().backward()
    assert layer.weight.grad is None
    assert embedding.weight.grad.abs().sum(dim=1).nonzero().flatten().tolist() == [3]


def test_filler_learns_nothing():
    embedding = nn.Embedding(50, 8, padding_idx=4)
    GradientBuffers().install(nn.ModuleList([embedding]))
    embedding(torch.tensor([[4, 5], [4, 4]])).sum().backward()
    assert embedding.weight.grad.abs().sum(dim=1).nonzero().flatten().tolist() == [5]


def test_frozen_weights_get_no_gradient_and_pass_it_on():
    plain = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    plain[1].weight.requires_grad_(False)
    fast = copy.deepcopy(plain)
    GradientBuffers().install(fast)
    rows = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    for model in (plain, fast):
        model(rows).sum().backward()
    assert fast[1].weight.grad is None
    torch.testing.assert_close(fast[0].weight.grad, plain[0].weight.grad)
    torch.testing.assert_close(fast[1].bias.grad, plain[1].bias.grad)


@pytest.mark.parametrize("architecture", sorted(SIZES))
@pytest.mark.parametrize("steps", [1, 2])
def test_under_autocast_too(architecture, steps):
    """The products are the same ones in bfloat16, so the gradients are no further from float32 than autocast's."""
    model = tiny_model(architecture)
    ids = ids_for(model)
    with torch.autocast("cpu", torch.bfloat16):
        expected = gradients(model, ids, steps)
        GradientBuffers().install(model)
        for _ in range(2):
            for name, gradient in gradients(model, ids, steps).items():
                assert gradient.dtype == torch.float32
                torch.testing.assert_close(gradient, expected[name], rtol=1e-6, atol=1e-9)


def test_small_and_unknown_layers_are_left_alone(monkeypatch):
    class Own(nn.Linear):
        """A layer whose arithmetic may be another."""

    monkeypatch.setattr(gradient_buffers, "SMALLEST", 65)
    layers = nn.ModuleList([nn.Linear(8, 8), Own(8, 16), nn.Linear(8, 16), nn.Embedding(99, 8, sparse=True)])
    GradientBuffers().install(layers)
    assert [isinstance(layer.forward, partial) for layer in layers] == [False, False, True, False]


def test_without_gradients_the_result_is_the_plain_one():
    model = tiny_model("gpt2")
    ids = ids_for(model)
    with torch.no_grad():
        expected = model(input_ids=ids).logits
    GradientBuffers().install(model)
    with torch.inference_mode():
        assert torch.equal(model(input_ids=ids).logits, expected)


def test_a_copy_of_a_model_has_buffers_of_its_own():
    model = tiny_model("gpt_neo")
    GradientBuffers().install(model)
    other = copy.deepcopy(model)
    ids = ids_for(model)
    gradients(model, ids)
    first = model.get_input_embeddings().weight.grad.clone()
    gradients(other, ids.flip(0)[:2])
    assert torch.equal(model.get_input_embeddings().weight.grad, first)
    assert other.get_input_embeddings().weight.grad is not None


def test_blocks_that_are_computed_again_in_the_backward_pass():
    model = tiny_model("gpt_neo").double().train()
    ids = ids_for(model)
    expected = gradients(model, ids)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    GradientBuffers().install(model)
    for name, gradient in gradients(model, ids).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-13)
