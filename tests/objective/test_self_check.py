from functools import partial

import pytest
import torch

from fsqa.errors import InputError
from fsqa.model.build import requantized
from fsqa.model.quantization import Quantization
from fsqa.model.source import Wanted
from fsqa.objective.causal_module import CausalModule
from fsqa.objective.self_check import TOLERANCE, check_objective, shortest_and_longest
from fsqa.scheduler.warmup import Constant
from tests.builders import LOSSES, SIZES, batch, configured, tiny_model

BATCH = batch("pppppppaaae", "pae", "pccaae")


def objective(model, name="answer_end"):
    return CausalModule(
        model=model,
        loss=configured("loss", name),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=Constant(warmup=0),
    )


@pytest.mark.parametrize("architecture", SIZES)
@pytest.mark.parametrize("name", LOSSES)
def test_passes_and_leaves_no_trace(architecture, name):
    of = objective(tiny_model(architecture), name)
    weights = [parameter.detach().clone() for parameter in of.parameters()]
    torch.manual_seed(5)
    state = torch.get_rng_state()
    check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(of.parameters(), weights, strict=True))


@pytest.mark.parametrize("training", [True, False])
def test_mode_of_every_module_stays(training):
    of = objective(tiny_model("gpt_neo"))
    of.train(training)
    of.model.get_input_embeddings().train(not training)
    modes = [module.training for module in of.modules()]
    check_objective(of, BATCH)
    assert [module.training for module in of.modules()] == modes


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_passes_in_other_precisions(dtype):
    of = objective(tiny_model("llama").to(dtype))
    check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())


def test_something_around_the_head_that_mixes_positions_is_refused():
    of = objective(tiny_model("llama"))
    plain = of.model.forward

    def scaled(*arguments, **named):
        output = plain(*arguments, **named)
        output.logits = output.logits * torch.linspace(0.9, 1, len(output.logits)).view(
            -1, *[1] * (output.logits.dim() - 1)
        )
        return output

    of.model.forward = scaled
    with pytest.raises(InputError, match=r"logits at the chosen positions differ from LlamaForCausalLM's own by "):
        check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())


def test_unused_weight_is_refused():
    of = objective(tiny_model("gpt2"))
    of.model.forgotten = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(InputError, match="the trainable weight 'forgotten' gets no gradient"):
        check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())
    of.model.forgotten.requires_grad_(False)
    check_objective(of, BATCH)


def test_gradient_that_is_not_finite_is_refused():
    of = objective(tiny_model("gpt2"))
    with torch.no_grad():
        of.model.transformer.ln_f.weight.fill_(torch.inf)
    with pytest.raises(InputError, match="objective: "):
        check_objective(of, BATCH)


def test_what_int8_rounds_by_its_batch_passes():
    """A channel with a large activation anywhere in the batch is not rounded, so every position counts for all."""
    model = tiny_model("llama")
    for block in model.model.layers:
        block.input_layernorm.weight.data.fill_(2.6)
    of = objective(requantized(model, Wanted(quantization=Quantization(kind="int8"))).requires_grad_(False))
    ours, full = of.compare_logits(BATCH)
    assert float((ours - full).abs().max() / full.abs().max()) > TOLERANCE[torch.float32]
    of.model.lm_head.requires_grad_(True)
    check_objective(of, BATCH)


def test_two_rows_are_enough():
    rows = batch("pppaaae", "pae", "pccaaaaae", "paae", "pccaaaaae")
    few = shortest_and_longest(rows)
    assert few.rows.tolist() == [1, 2]
    assert few.ids.shape == (2, 9)
    assert torch.equal(few.ids, rows.ids[[1, 2]])
    assert torch.equal(few.roles, rows.roles[[1, 2]])
    assert torch.equal(few.step_targets, rows.step_targets)
    alone = shortest_and_longest(batch("pae", "pae"))
    assert alone.ids.shape == (1, 3)
    of = objective(tiny_model("gpt2"))
    seen = []
    of.model.get_input_embeddings().register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[0]))
    check_objective(of, rows)
    assert set(seen) == {2}


def test_what_two_rows_cannot_show_is_asked_of_all():
    """A weight that learns from one row alone, as an expert may; and one that none of the rows needs."""

    class Expert(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))

        def forward(self, hidden):
            return hidden * self.weight if len(hidden) > 2 else hidden

    of = objective(tiny_model("gpt2"))
    of.model.transformer.ln_f = torch.nn.Sequential(of.model.transformer.ln_f, Expert())
    check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())
    with pytest.raises(InputError, match=r"'transformer.ln_f.1.weight' gets no gradient"):
        check_objective(of, shortest_and_longest(BATCH))


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_any_number_of_a_gradient_that_is_not_finite_is_found(bad):
    of = objective(tiny_model("gpt2"))

    def spoil(gradient):
        spoiled = gradient.clone()
        spoiled[-1] = bad
        return spoiled

    of.model.transformer.h[0].mlp.c_fc.bias.register_hook(spoil)
    with pytest.raises(InputError, match=r"'transformer.h.0.mlp.c_fc.bias' gets a gradient that is not finite"):
        check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())


def test_a_large_gradient_is_finite_though_its_sum_is_not():
    of = objective(tiny_model("gpt2"))
    of.model.transformer.h[0].mlp.c_fc.bias.register_hook(lambda gradient: torch.full_like(gradient, 3e38))
    check_objective(of, BATCH)
