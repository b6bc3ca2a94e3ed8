"""What is left out of every step, and what must not be."""

from functools import partial

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint
from pytorch_lightning.profilers import SimpleProfiler

from fsqa.callbacks.idle import STEP_HOOKS, Unprofiled, without_idle_hooks
from fsqa.data.module import QuestionDataModule
from fsqa.objective.causal_module import CausalModule
from tests.builders import configured, random_rows, stored, tiny_model


class Noting(pl.Callback):
    """Notes every hook of a step that is called."""

    def __init__(self):
        self.called = []
        for name in STEP_HOOKS:
            setattr(self, name, lambda *_, name=name, **__: self.called.append(name))


class AtTheEnd(pl.Callback):
    """Implements one hook of a step, as callbacks do."""

    steps = 0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.steps += 1


class Below(AtTheEnd):
    """Inherits it."""


def trained(folder, callbacks, profiler):
    examples = stored(folder / "rows", random_rows(8))
    data = QuestionDataModule(
        train=examples, validation=examples, pad_id=2, batch_size=4, micro_batch_size=4, seed=0, workers=0
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=3,
        callbacks=callbacks,
        profiler=profiler,
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
    )
    of = CausalModule(
        model=tiny_model("gpt_neo"),
        loss=configured("loss", "all"),
        optimizer=partial(torch.optim.AdamW, lr=0.01),
        scheduler=lambda optimizer, steps: torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=steps),
    )
    trainer.fit(of, datamodule=data)
    return trainer, [p.detach().clone() for p in of.parameters()]


def test_hooks_that_do_something_are_kept_and_the_rest_are_none():
    for callback in (AtTheEnd(), Below(), LambdaCallback(on_train_batch_end=print), ModelCheckpoint()):
        assert without_idle_hooks(callback) is callback
        kept = [name for name in STEP_HOOKS if getattr(callback, name) is not None]
        assert kept == ["on_train_batch_end"], type(callback)
    assert not any(getattr(without_idle_hooks(EarlyStopping("val/f1")), name) for name in STEP_HOOKS)


def test_lightning_calls_what_is_kept_and_trains_the_same(tmp_path):
    before, weights = trained(tmp_path / "plain", [Noting(), Below()], SimpleProfiler())
    callbacks = [without_idle_hooks(callback) for callback in (Noting(), Below(), pl.Callback())]
    after, lean_weights = trained(tmp_path / "lean", callbacks, Unprofiled())
    noted, lean_noted = before.callbacks[0].called, after.callbacks[0].called
    assert set(noted) == set(STEP_HOOKS)
    assert noted == lean_noted
    assert before.callbacks[1].steps == after.callbacks[1].steps == 3
    assert all(torch.equal(left, right) for left, right in zip(weights, lean_weights, strict=True))


def test_the_steps_hooks_are_all_that_lightning_calls_in_every_step(tmp_path):
    """One that it calls more often than once a run and that is not listed would be paid for by every callback."""
    profiler = SimpleProfiler()
    trained(tmp_path, [Noting()], profiler)
    repeated = {action for action, times in profiler.recorded_durations.items() if len(times) > 1}
    hooks = {action.rpartition(".")[2] for action in repeated if action.startswith("[Callback]Noting")}
    epochs = {"on_train_epoch_start", "on_train_epoch_end"}  # three steps here are two epochs
    assert hooks - epochs == set(STEP_HOOKS)


def test_a_context_of_no_profiler_passes_on_what_goes_wrong():
    profiler = Unprofiled()
    assert profiler.profile("a") is profiler.profile("b")
    caught = False
    try:
        with profiler.profile("a"), profiler.profile("b"):
            raise ValueError
    except ValueError:
        caught = True
    assert caught
