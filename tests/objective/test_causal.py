from functools import partial
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy, log_softmax

from fsqa.data.batches import ScoringBatches, TrainBatches
from fsqa.data.module import QuestionDataModule
from fsqa.data.plan import BucketedPlan
from fsqa.objective.causal_module import CausalModule
from fsqa.objective.module import StepFigures
from fsqa.scheduler.warmup import Constant
from fsqa.types import LossOutput, Role
from tests.builders import (
    LOSSES,
    SIZES,
    apart,
    batch,
    configured,
    example,
    gradient,
    random_rows,
    stored,
    tiny_model,
)

STRATEGIES = [(name, {}) for name in LOSSES]
STRATEGIES += [(name, {"mean": "token"}) for name in LOSSES if hasattr(configured("loss", name), "mean")]
every_strategy = pytest.mark.parametrize(
    ("name", "changes"), STRATEGIES, ids=["-".join([name, *changes.values()]) for name, changes in STRATEGIES]
)
PAD = 2
ROWS = [example("p" * 20 + "aae", 1), example("pae", 2), example("ppcc" + "a" * 15 + "e", 3), example("ppaaae", 4)]
"""Rows of very different lengths."""


def objective(model, loss):
    return CausalModule(
        model=model, loss=loss, optimizer=partial(torch.optim.SGD, lr=0.1), scheduler=Constant(warmup=0)
    )


def quiet_trainer(folder, **settings):
    silent = dict.fromkeys(["logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"], False)
    return pl.Trainer(accelerator="cpu", default_root_dir=folder, **silent, **settings)


def summed_gradient(of, *batches):
    """The loss and the gradient that batches add up to."""
    of.zero_grad()
    loss = sum(of.weighted_loss(b).loss for b in batches)
    loss.backward()
    return loss.item(), gradient(of.model)


def plain_reference(model, whole, loss):
    """The same loss from full logits and a dense target, with nothing left out."""
    logits = model(input_ids=whole.ids, attention_mask=(whole.roles != Role.PAD).long()).logits[:, :-1]
    targets, vocabulary = whole.ids[:, 1:], logits.shape[-1]
    dense = torch.full_like(logits, loss.smoothing / vocabulary)
    dense.scatter_add_(-1, targets[..., None], torch.full_like(logits[..., :1], 1 - loss.smoothing))
    each = torch.nn.KLDivLoss(reduction="none")(log_softmax(logits, dim=-1), dense).sum(dim=-1)
    return (each * loss.weigh(whole)[:, 1:]).sum()


@every_strategy
@pytest.mark.parametrize("parts", [[ROWS[:2], ROWS[2:]], [ROWS[:1], ROWS[1:]], [[row] for row in ROWS]])
@pytest.mark.parametrize(
    ("architecture", "dtype", "tolerance"), [("gpt_neo", torch.float32, 1e-6), ("gpt2", torch.float64, 1e-10)]
)
def test_micro_batches_add_up_to_the_gradient_of_one_batch(name, changes, parts, architecture, dtype, tolerance):
    of = objective(tiny_model(architecture, scale=3).to(dtype), configured("loss", name, **changes))
    whole_loss, whole = summed_gradient(of, batch(*ROWS))
    loss, accumulated = summed_gradient(of, *(batch(*part, step=ROWS) for part in parts))
    assert loss == pytest.approx(whole_loss, rel=tolerance)
    assert apart(accumulated, whole) < tolerance


@pytest.mark.parametrize("mean", ["example", "token"])
def test_trainer_takes_the_same_steps_however_they_are_accumulated(tmp_path, mean):
    examples = stored(tmp_path / "train", random_rows(20))

    def trained(micro):
        of = objective(tiny_model("gpt_neo", scale=3), configured("loss", "answer_end", mean=mean))
        data = QuestionDataModule(
            train=examples, validation=examples, pad_id=PAD, batch_size=8, micro_batch_size=micro, seed=0, workers=0
        )
        trainer = quiet_trainer(tmp_path, max_steps=3, accumulate_grad_batches=8 // micro, limit_val_batches=0)
        trainer.fit(of, datamodule=data)
        assert trainer.global_step == 3
        return torch.cat([parameter.detach().flatten() for parameter in of.model.parameters()]), of.figures

    start = torch.cat([p.detach().flatten() for p in tiny_model("gpt_neo", scale=3).parameters()])
    one, figures = trained(8)
    assert (one - start).abs().max() > 1e-2
    for micro in (2, 1):
        weights, own_figures = trained(micro)
        assert (weights - one).abs().max() < 1e-6
        assert own_figures.loss.item() == pytest.approx(figures.loss.item(), rel=1e-5)
        assert own_figures.targets == figures.targets


@every_strategy
@pytest.mark.parametrize(("devices", "accumulation"), [(2, 1), (2, 2), (4, 2)])
def test_devices_average_to_the_gradient_of_one_batch(tmp_path, name, changes, devices, accumulation):
    examples = stored(tmp_path / "train", random_rows(20))
    plan = BucketedPlan(examples.lengths, 8, seed=0)
    of = objective(tiny_model("llama", scale=3), configured("loss", name, **changes))
    _, whole = summed_gradient(of, TrainBatches(examples, plan, PAD, 1, rank=0, devices=1)[1])
    of.trainer = SimpleNamespace(accumulate_grad_batches=accumulation, world_size=devices)
    on_devices = []
    for rank in range(devices):
        batches = TrainBatches(examples, plan, PAD, accumulation, rank, devices)
        of.zero_grad()
        for i in range(accumulation):
            (of.training_step(batches[accumulation + i], i) / accumulation).backward()  # as Lightning does
        on_devices.append(gradient(of.model))
    assert apart(torch.stack(on_devices).mean(dim=0), whole) < 1e-6


@pytest.mark.parametrize("architecture", SIZES)
@pytest.mark.parametrize(("name", "changes"), [("all", {}), ("answer_end", {"mean": "token"}), ("balanced", {})])
def test_value_and_gradient_of_the_plain_computation(architecture, name, changes):
    model, loss = tiny_model(architecture, scale=3), configured("loss", name, **changes)
    value, ours = summed_gradient(objective(model, loss), batch(*ROWS))
    model.zero_grad()
    reference = plain_reference(model, batch(*ROWS), loss)
    reference.backward()
    assert value == pytest.approx(reference.item(), abs=2e-6 * max(1, reference.item()))
    assert apart(ours, gradient(model)) < 1e-5


@pytest.mark.parametrize("architecture", SIZES)
def test_padding_changes_nothing(architecture):
    of = objective(tiny_model(architecture, scale=3).double(), configured("loss", "all"))
    value, narrow = summed_gradient(of, batch(*ROWS))
    padded_value, wide = summed_gradient(of, batch(*ROWS, width=40, pad_id=7))
    assert padded_value == pytest.approx(value, rel=1e-10)
    assert apart(wide, narrow) < 1e-10


@pytest.mark.parametrize("architecture", SIZES)
def test_logits_of_a_row_do_not_depend_on_its_company(architecture):
    tolerance = 1e-6 if architecture == "gpt_neo" else 1e-10  # GPT-Neo attends in float32 whatever its weights are
    of = objective(tiny_model(architecture, scale=3).double(), configured("loss", "all"))
    together, chosen = batch(*ROWS), batch(*ROWS).roles[:, 1:] != Role.PAD
    with torch.no_grad():
        by_row = of.logits(together, chosen).split(chosen.sum(dim=1).tolist())
        for i, row in enumerate(ROWS):
            alone = of.logits(batch(row), batch(row).roles[:, 1:] != Role.PAD)
            torch.testing.assert_close(by_row[i], alone, rtol=tolerance, atol=tolerance)


def test_the_head_runs_at_chosen_positions_alone():
    of = objective(tiny_model("gpt_neo"), configured("loss", "answer"))
    seen = []
    of.model.get_output_embeddings().register_forward_hook(lambda _, arguments, __: seen.append(arguments[0].shape[0]))
    output = of.weighted_loss(batch(*ROWS))
    answers = sum(int((row.roles == Role.ANSWER).sum()) for row in ROWS)
    assert seen == [answers]
    assert output.target_nll.shape == (answers,)


def test_a_micro_batch_in_which_nothing_counts_adds_nothing():
    of = objective(tiny_model("gpt_neo"), configured("loss", "answer", weights={"context": 1}, mean="token"))
    of.zero_grad()
    loss = of.weighted_loss(batch("ppae", step=["ppae", "pccae"])).loss
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or not p.grad.any() for p in of.model.parameters())


@pytest.mark.parametrize("architecture", SIZES)
def test_answers_are_scored_as_row_by_row(architecture):
    of = objective(tiny_model(architecture, scale=3), configured("loss", "all"))
    scores = of.score_answers(batch(*ROWS))
    assert not scores.nll.requires_grad
    for i, row in enumerate(ROWS):
        ids = torch.from_numpy(row.ids).long()
        with torch.no_grad():
            logits = of.model(input_ids=ids[None]).logits[0, :-1]
        answer = torch.from_numpy(row.roles[1:]) == Role.ANSWER
        nll = cross_entropy(logits[answer], ids[1:][answer], reduction="sum")
        assert scores.nll[i].item() == pytest.approx(nll.item(), rel=1e-5)
        assert scores.tokens[i] == answer.sum()
        assert scores.correct[i] == (logits[answer].argmax(dim=-1) == ids[1:][answer]).sum()


def test_scores_do_not_depend_on_the_loss():
    model = tiny_model("gpt_neo", scale=3)
    scores = [objective(model, configured("loss", name)).score_answers(batch(*ROWS)) for name in LOSSES]
    for other in scores[1:]:
        assert all(torch.equal(a, b) for a, b in zip(scores[0], other, strict=True))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "bf16-true", "64-true"])
def test_every_precision_trains_and_validates(tmp_path, precision):
    examples = stored(tmp_path / "train", random_rows(20))
    of = objective(tiny_model("llama", scale=3), configured("loss", "balanced"))
    data = QuestionDataModule(
        train=examples, validation=examples, pad_id=PAD, batch_size=4, micro_batch_size=2, seed=0, workers=0
    )
    trainer = quiet_trainer(tmp_path, max_steps=2, precision=precision, accumulate_grad_batches=2, val_check_interval=4)
    trainer.fit(of, datamodule=data)
    assert trainer.global_step == 2
    assert of.figures.loss.isfinite()
    assert 0 < trainer.callback_metrics["val/answer_nll"].item() < 100


@every_strategy
def test_weights_are_float32_whatever_the_default(name, changes):
    loss = configured("loss", name, **changes)
    wanted = loss.weigh(batch(*ROWS))
    torch.set_default_dtype(torch.bfloat16)
    try:
        weights = loss.weigh(batch(*ROWS))
    finally:
        torch.set_default_dtype(torch.float32)
    assert weights.dtype == torch.float32
    assert torch.equal(weights, wanted)


def test_validation_logs_the_token_mean_and_the_example_mean(tmp_path):
    examples = stored(tmp_path / "rows", ROWS)
    of = objective(tiny_model("gpt_neo", scale=3), configured("loss", "all"))
    trainer = quiet_trainer(tmp_path)
    loader = torch.utils.data.DataLoader(ScoringBatches(examples, 3, PAD), batch_size=None)
    trainer.validate(of, loader, verbose=False)
    logged = trainer.callback_metrics
    scores = of.score_answers(batch(*ROWS))
    assert logged["val/answer_nll"] == pytest.approx((scores.nll.sum() / scores.tokens.sum()).item(), rel=1e-5)
    accuracy = (scores.correct / scores.tokens).mean().item()
    assert logged["val/token_accuracy"] == pytest.approx(accuracy, rel=1e-5)


def test_figures_add_up_and_survive_a_checkpoint():
    figures = StepFigures()
    for i in (1.0, 2.0):
        figures.add(LossOutput(torch.tensor(i), torch.full((len(Role),), i), torch.tensor([i, i])))
    assert (figures.loss.item(), figures.nll.item(), figures.targets) == (3.0, 6.0, 4)
    assert figures.role_loss.tolist() == [3.0] * len(Role)
    restored = StepFigures()
    restored.load_state_dict(figures.state_dict())
    restored.add(LossOutput(torch.tensor(1.0), torch.zeros(len(Role)), torch.tensor([1.0])))
    assert (restored.loss.item(), restored.nll.item(), restored.targets) == (4.0, 7.0, 5)
    figures.reset()
    assert (figures.loss.item(), figures.nll.item(), figures.targets) == (0.0, 0.0, 0)
