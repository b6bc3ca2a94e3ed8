from functools import partial

import pytest
import torch

from fsqa.errors import InputError
from fsqa.model.build import requantized
from fsqa.model.quantization import Quantization
from fsqa.model.source import Wanted
from fsqa.objective.causal_module import CausalModule
from fsqa.objective.self_check import TOLERANCE, check_objective
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
