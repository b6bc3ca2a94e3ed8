"""What a training is said to take is what it takes."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn

from fsqa.footprint import estimated_mb
from fsqa.memory_estimate import LiveTensors, _optimizer_bytes, estimate_memory
from fsqa.speed import gradient_buffers
from fsqa.speed.gradient_buffers import GradientBuffers
from tests.builders import batch, configured, tiny_model
from tests.commands.lines import SMALL, spawn
from tests.tuning.adapters import lora

ONE_THREAD = "import torch; torch.set_num_threads(1)\nfrom fsqa.cli import main; main()"
DATA = ("dataset.questions=196", "dataset.validation_questions=20", "dataset.test_questions=20", "model.vocabulary=400")
BRIEF = ("trainer.max_steps=2", "callbacks.answers.examples=4")
GPT2 = ("model.architecture=gpt2", "+model.size.n_embd=512", "+model.size.n_layer=8", "+model.size.n_head=8")
LLAMA = (
    "model.architecture=llama",
    "+model.size.hidden_size=512",
    "+model.size.intermediate_size=1536",
    "+model.size.num_hidden_layers=5",
    "+model.size.num_attention_heads=8",
    "+model.size.num_key_value_heads=4",
    "tuning=lora",
    "tuning.targets=all-linear",
)
OPT = (
    "model.architecture=opt",
    "+model.size.hidden_size=512",
    "+model.size.word_embed_proj_dim=512",
    "+model.size.ffn_dim=2048",
    "+model.size.num_hidden_layers=8",
    "+model.size.num_attention_heads=8",
    "optimizer=sgd",
)


@pytest.mark.parametrize(
    "words",
    [(*GPT2, "batch_size=32"), (*LLAMA, "batch_size=32"), (*OPT, "batch_size=32", "micro_batch_size=16")],
    ids=["full, AdamW", "LoRA", "SGD, accumulated"],
)
def test_the_measured_peak(words, tmp_path):
    """Within 15 % on a CPU; a process of its own, so that nobody else's memory counts."""
    outcome = spawn(
        "train",
        *SMALL,
        *DATA,
        *BRIEF,
        "model=scratch",
        *words,
        f"outputs={tmp_path}",
        code=ONE_THREAD,
        HF_HUB_OFFLINE="1",
    )
    assert outcome.returncode == 0, outcome.stderr
    run = Path(outcome.stdout.split("  ")[0])
    cost = json.loads((run / "metrics.json").read_text())["cost"]
    assert cost["estimated_memory_mb"] == pytest.approx(cost["peak_memory_mb"], rel=0.15)
    memory = json.loads((run / "parameters.json").read_text())["memory_mb"]
    assert sum(value for name, value in memory.items() if name != "total") == pytest.approx(memory["total"], abs=1)
    assert memory["weights"] == pytest.approx(cost["parameters"] * 4 / 1e6, rel=0.01)
    assert memory["gradients"] == pytest.approx(cost["trainable_parameters"] * 4 / 1e6, abs=0.1)
    assert f"{cost['parameters']:,}" in outcome.stderr
    assert f"{cost['trainable_parameters']:,}" in outcome.stderr


@pytest.mark.parametrize(
    ("make", "each"),
    [
        (lambda p: torch.optim.AdamW(p), 8),
        (lambda p: torch.optim.AdamW(p, fused=True), 8),
        (lambda p: torch.optim.SGD(p), 0),
        (lambda p: torch.optim.SGD(p, momentum=0.9), 4),
        (lambda p: torch.optim.Adafactor(p), 0),
    ],
    ids=["AdamW", "fused", "SGD", "momentum", "Adafactor"],
)
def test_what_an_optimizer_keeps(make, each):
    """Bytes for each element; the optimizer itself is left as it was."""
    weight = nn.Parameter(torch.ones(1000, 1000))
    optimizer = make([weight])
    kept, _ = _optimizer_bytes(optimizer, [weight])
    assert kept == pytest.approx(each * weight.numel(), abs=0.02 * weight.numel())
    assert not optimizer.state
    assert torch.equal(weight, torch.ones(1000, 1000))
    assert optimizer.param_groups[0]["params"][0] is weight


def test_what_an_8_bit_optimizer_keeps():
    import bitsandbytes

    weight = nn.Parameter(torch.ones(1000, 1000))
    kept, _ = _optimizer_bytes(bitsandbytes.optim.AdamW8bit([weight]), [weight])
    assert kept == pytest.approx(2.03 * weight.numel(), rel=0.05)


def test_live_tensors():
    weight = torch.ones(1000)
    with LiveTensors(wide=1000) as live:
        first = weight + 1  # logits, for being as wide
        second = torch.cat([first, first])
        view = second[:5]
        del first, second
        assert (live.live, live.live_logits) == (8000, 0)
        del view
        weight.add_(1)
    assert (live.live, live.peak, live.peak_logits) == (0, 12000, 4000)


def test_held_gradients_count_as_long_as_they_are_there():
    with LiveTensors(wide=0, held=100) as live:
        kept = torch.ones(10)
        live.held = 0
        torch.ones(5)
    assert (live.peak, live.own_peak, kept.sum()) == (140, 60, 10)


def objective(**changes: object):
    model = lora(dropout=0.5)(tiny_model("gpt2"))
    settings = {"loss": configured("loss", "answer_end"), "optimizer": None, "scheduler": None, **changes}
    from fsqa.objective.causal_module import CausalModule

    return CausalModule(model=model, **settings)


def test_everything_stays_as_it_was():
    module = objective()
    module.model.transformer.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    state = torch.get_rng_state()
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad])
    rows = batch("ppppaaae", "ppaae")
    for accumulates in (False, True):
        memory = estimate_memory(
            module,
            optimizer,
            training=rows,
            scoring=rows,
            accumulates=accumulates,
            forward_context=nullcontext(),
        )
        assert memory.total > memory.weights > 0
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert [part.training for part in module.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not optimizer.state


def test_a_larger_batch_takes_more(tmp_path):
    module = objective()
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad])

    def activations(*rows: str) -> float:
        return estimate_memory(
            module,
            optimizer,
            training=batch(*rows),
            scoring=None,
            accumulates=False,
            forward_context=nullcontext(),
        ).activations

    one, four = activations("ppppppaaaaaae"), activations(*["ppppppaaaaaae"] * 4)
    assert four == pytest.approx(4 * one, rel=0.2)
    assert estimated_mb(tmp_path / "missing.json") is None


def test_gradients_in_kept_memory_count_once(monkeypatch):
    """They are written where those of the step's earlier micro-batches are, so they take no more than autograd's."""
    from fsqa.objective.causal_module import CausalModule

    monkeypatch.setattr(gradient_buffers, "SMALLEST", 1)

    def activations_and_logits(*, kept: bool) -> float:
        settings = {"loss": configured("loss", "answer_end"), "optimizer": None, "scheduler": None}
        module = CausalModule(model=tiny_model("gpt2"), **settings)
        if kept:
            GradientBuffers().install(module.model)
        memory = estimate_memory(
            module,
            torch.optim.SGD(module.parameters(), fused=True),
            training=batch("ppaae"),
            scoring=None,
            accumulates=True,
            forward_context=nullcontext(),
        )
        return memory.activations + memory.logits

    assert 0 < activations_and_logits(kept=True) <= activations_and_logits(kept=False)


def passes(module, rows, skips):
    """What is alive at most in a training pass and in a scoring pass, with products and without."""
    module.train()
    with LiveTensors(wide=module.model.config.vocab_size, skips_products=skips) as training:
        torch.autograd.backward(module.weighted_loss(rows).loss)
    module.zero_grad()
    with torch.no_grad(), LiveTensors(wide=module.model.config.vocab_size, skips_products=skips) as scoring:
        module.score_answers(rows)
    return [(live.peak, live.peak_logits, live.own_peak) for live in (training, scoring)]


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neo", "llama", "opt"])
def test_products_that_are_skipped_take_as_much_memory(architecture):
    rows = batch("ppppaaae", "ppaae", "pccccae")
    from fsqa.objective.causal_module import CausalModule

    settings = {"loss": configured("loss", "answer_end"), "optimizer": None, "scheduler": None}
    module = CausalModule(model=tiny_model(architecture), **settings)
    for skipped, whole in zip(passes(module, rows, skips=True), passes(module, rows, skips=False), strict=True):
        assert skipped == pytest.approx(whole, rel=0.1)  # when autograd lets go of a tensor varies from pass to pass


def test_skipped_products_are_zeros_of_the_right_shape():
    a, b, bias = torch.ones(2, 3), torch.ones(3, 5), torch.ones(5)
    many, others = torch.ones(4, 2, 3), torch.ones(4, 3, 5)
    filled = torch.ones(2, 5)
    with LiveTensors(wide=0, skips_products=True):
        results = [a @ b, torch.addmm(bias, a, b), many @ others, torch.baddbmm(bias, many, others)]
        torch.mm(a, b, out=filled)
        plain = a + 1
    assert [tuple(result.shape) for result in results] == [(2, 5), (2, 5), (4, 2, 5), (4, 2, 5)]
    assert not any(result.any() for result in [*results, filled])
    assert torch.equal(plain, torch.full((2, 3), 2.0))
