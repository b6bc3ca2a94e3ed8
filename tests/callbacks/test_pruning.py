"""What the callback reports, and when it ends a run."""

from types import SimpleNamespace

import pytest
import torch

from fsqa.callbacks.pruning import Pruning
from fsqa.errors import InputError, Pruned


def trainer(step: int, **figures: float) -> SimpleNamespace:
    """What the callback sees of a trainer after a validation."""
    logged = {f"val/{name}": torch.tensor(value) for name, value in figures.items()}
    return SimpleNamespace(global_step=step, estimated_stepping_batches=8, world_size=1, callback_metrics=logged)


def test_every_validation_is_reported_until_the_judge_has_a_reason():
    seen = []

    def judge(value, step, steps):
        seen.append((value, step, steps))
        return "it falls behind" if step == 4 else ""

    pruning = Pruning(metric="val/f1", judge=judge)
    pruning.on_train_start(trainer(0), None)
    pruning.on_validation_end(trainer(2, f1=0.5), None)
    with pytest.raises(Pruned, match=r"^it falls behind$"):
        pruning.on_validation_end(trainer(4, f1=0.25), None)
    assert seen == [(0.5, 2, 8), (0.25, 4, 8)]


def test_a_metric_that_no_validation_logs():
    pruning = Pruning(metric="val/perplexity", judge=lambda *_: "")
    with pytest.raises(InputError, match=r"needs 'val/perplexity' from every validation, and it logs val/f1, val/stop"):
        pruning.on_validation_end(trainer(2, stop_rate=1.0, f1=0.5), None)


def test_several_devices_are_refused():
    pruning = Pruning(metric="val/f1", judge=lambda *_: "")
    many = trainer(0)
    many.world_size = 2
    with pytest.raises(InputError, match=r"works with one device per run, and this one has 2"):
        pruning.on_train_start(many, None)
