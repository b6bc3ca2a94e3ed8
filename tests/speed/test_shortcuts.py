"""Every shortcut against the plain dense path: the same loss and the same gradient, step by step."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from fsqa.model.head import plain_head
from fsqa.objective import causal_module
from fsqa.objective.causal_module import CausalModule
from fsqa.scheduler.warmup import Constant
from fsqa.speed import PLAIN, Speed, gradient_buffers
from fsqa.speed.gradient_buffers import GradientBuffers
from tests.builders import LOSSES, apart, batch, configured, gradient, random_rows
from tests.objective.test_causal import plain_reference
from tests.speed.architectures import DIFFERENT, small, widened

FAST = configured("speed", "fast")
ONE_BY_ONE = [name for name in Speed.__dataclass_fields__ if name not in ("matrix_route", "kept_memory")]
"""Shortcuts that change what is computed with; the others are settings of the process."""
ROWS = batch(*random_rows(6, seed=3))


@pytest.fixture(autouse=True)
def _every_weight_is_large(monkeypatch):
    monkeypatch.setattr(gradient_buffers, "SMALLEST", 1)


def objective(model, loss, speed):
    of = CausalModule(
        model=model,
        loss=configured("loss", loss),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=Constant(warmup=0),
        speed=speed,
    )
    if speed.gradient_buffers:
        GradientBuffers().install(model)
    if speed.chunk_megabytes and (head := plain_head(model)):
        of._head = (head,)
    return of


def step(of, whole):
    of.zero_grad()
    output = of.weighted_loss(whole)
    output.loss.backward()
    return output, gradient(of.model)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("architecture", DIFFERENT)
def test_all_together_are_the_plain_dense_step(monkeypatch, architecture, loss):
    model = widened(small(architecture), monkeypatch)
    expected = plain_reference(model, ROWS, configured("loss", loss))
    expected.backward()
    wanted = gradient(model)
    of = objective(model, loss, replace(FAST, chunk_megabytes=0.01))
    output, found = step(of, ROWS)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-10)
    assert apart(found, wanted) < 1e-9


@pytest.mark.parametrize("architecture", DIFFERENT)
def test_in_single_precision(architecture):
    model = small(architecture)
    expected = plain_reference(model, ROWS, configured("loss", "all"))
    expected.backward()
    wanted = gradient(model)
    output, found = step(objective(model, "all", FAST), ROWS)
    assert output.loss.item() == pytest.approx(expected.item(), abs=2e-6)
    assert apart(found, wanted) < 1e-5


@pytest.mark.parametrize("shortcut", ONE_BY_ONE)
@pytest.mark.parametrize("loss", LOSSES)
def test_each_by_itself(shortcut, loss):
    value = 0.01 if shortcut == "chunk_megabytes" else True
    plain, plain_gradient = step(objective(small("gpt_neo").double(), loss, PLAIN), ROWS)
    fast, fast_gradient = step(objective(small("gpt_neo").double(), loss, replace(PLAIN, **{shortcut: value})), ROWS)
    for left, right in zip(fast, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-12)
    assert apart(fast_gradient, plain_gradient) < 1e-9


def noted(taken, name, function, *given):
    taken.append(name)
    return function(*given)


@pytest.mark.parametrize(("name", "value"), [("padding_free", True), ("chunk_megabytes", 0.01)])
def test_the_rows_of_these_tests_ask_for_it(monkeypatch, name, value):
    """A shortcut that was never taken would equal the plain path too."""
    taken = []
    for function in ("flat_logits", "hidden_at"):
        own = getattr(causal_module, function)
        monkeypatch.setattr(causal_module, function, partial(noted, taken, function, own))
    step(objective(small("gpt2"), "all", replace(PLAIN, **{name: value})), ROWS)
    assert taken == [{"padding_free": "flat_logits", "chunk_megabytes": "hidden_at"}[name]]


@pytest.mark.parametrize(
    ("precision", "dtype", "chunks"),
    [
        ("32-true", torch.float32, True),
        ("bf16-mixed", torch.float32, True),
        ("16-mixed", torch.float32, False),
        ("32-true", torch.float16, False),
    ],
)
def test_float16_goes_without_chunks(precision, dtype, chunks):
    """The loss in chunks refuses it, whatever the size of the batch."""
    of = objective(small("gpt2").to(dtype), "all", PLAIN)
    of.speed = replace(PLAIN, chunk_megabytes=0.01)
    of.trainer = SimpleNamespace(precision=precision, strategy=None)
    of.setup("fit")
    assert bool(of._head) == chunks


def test_scores_of_answers_are_the_plain_ones():
    model = small("gpt2").double()
    plain = objective(small("gpt2").double(), "all", PLAIN).score_answers(ROWS)
    fast = objective(model, "all", FAST).score_answers(ROWS)
    for left, right in zip(fast, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-12)


def test_fast_takes_every_shortcut_and_plain_none():
    assert configured("speed", "plain") == PLAIN
    assert all(value for value in vars(FAST).values())
