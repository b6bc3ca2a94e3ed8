import json

import pytest

from fsqa.report import curves
from fsqa.report.curves import MOST_POINTS, read_curves
from fsqa.study.cells import group_runs
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


def read(folder, *histories):
    """The curves of one cell whose runs logged ``histories``."""
    for seed, lines in enumerate(histories):
        run = add_run(folder, "all", seed, metrics={"test": {"exact_match": 0.5}})
        (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {curve.metric: curve for curve in read_curves(group_runs(read_study(folder)))}


def test_mean_and_range_over_seeds(tmp_path):
    found = read(
        tmp_path / "s",
        [{"step": 10, "loss_tokens": 100, "val/f1": 0.2}, {"step": 20, "loss_tokens": 200, "val/f1": 0.5}],
        [{"step": 10, "loss_tokens": 140, "val/f1": 0.4}, {"step": 20, "loss_tokens": 260, "val/f1": 0.5}],
    )
    assert list(found) == ["val/f1"]
    curve = found["val/f1"]
    assert (curve.steps, curve.tokens) == ((10.0, 20.0), (120.0, 230.0))
    assert curve.mean == pytest.approx((30.0, 50.0))
    assert (curve.low, curve.high) == (pytest.approx((20.0, 50.0)), pytest.approx((40.0, 50.0)))


def test_training_curves_keep_their_unit(tmp_path):
    line = {"step": 5, "loss_tokens": 9, "train/loss": 2.0, "train/lr": 1e-3, "train/target_nll": 3.0}
    found = read(tmp_path / "s", [line | {"train/grad_norm": 0.5}])
    assert {name: curve.mean for name, curve in found.items()} == {
        "train/loss": (2.0,),
        "train/target_nll": (3.0,),
        "train/lr": (1e-3,),
        "train/grad_norm": (0.5,),
    }


def test_steps_that_one_seed_lacks_are_left_out(tmp_path):
    own = [{"step": step, "val/f1": 0.1} for step in (1, 2, 3)]
    assert read(tmp_path / "s", own, own[1:])["val/f1"].steps == (2.0, 3.0)


def test_tokens_that_nobody_counted(tmp_path):
    assert read(tmp_path / "s", [{"step": 1, "val/f1": 0.1}])["val/f1"].tokens == ()


def test_a_long_training_is_thinned(tmp_path):
    curve = read(tmp_path / "s", [{"step": step, "train/loss": 1.0} for step in range(1, 5001)])["train/loss"]
    assert len(curve.steps) == MOST_POINTS
    assert (curve.steps[0], curve.steps[-1]) == (1.0, 5000.0)


def test_only_the_histories_of_the_given_cells_are_read(study, monkeypatch):
    opened = []
    monkeypatch.setattr(curves, "read_history", lambda run: opened.append(run.name) or ())
    read_curves(study.cells[:1])
    assert opened == ["all-base-seed0", "all-base-seed1", "all-base-seed2"]
