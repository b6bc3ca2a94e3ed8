"""What happens while training: when it stops, what is validated, what is written, what is said."""

import csv
import json
import math
from pathlib import Path

import pytest

from tests.commands.lines import TINY, call, read_lines, refusal, train


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def validations(run: Path) -> list[dict]:
    return [line for line in read_lines(run / "history.jsonl") if "val/f1" in line]


def test_early_stopping_ends_when_the_named_metric_stands_still():
    """With a learning rate of 0 nothing improves: the first validation counts, two more are waited for."""
    run = train(
        Path("outputs"),
        "callbacks=early_stopping",
        "callbacks.early_stopping.monitor=val/answer_nll",
        "callbacks.early_stopping.mode=min",
        "callbacks.early_stopping.patience=2",
        "optimizer.lr=0",
        "trainer.max_steps=40",
    )
    assert [line["step"] for line in validations(run)] == [2, 4, 6]
    assert json.loads((run / "metrics.json").read_text())["cost"]["steps"] == 6


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        (("trainer.max_steps=5", "trainer.val_check_interval=2"), [2, 4, 5]),
        (("trainer.max_steps=3", "trainer.val_check_interval=200"), [3]),
        # 196 rows in batches of 8 are 24.5 steps, rounded up.
        (("trainer.max_steps=-1", "trainer.max_epochs=1", "trainer.val_check_interval=10"), [10, 20, 25]),
    ],
)
def test_the_last_step_is_always_validated_once(limits, steps):
    run = train(Path("outputs"), *limits)
    assert [line["step"] for line in validations(run)] == steps


def test_the_best_validation_is_what_is_kept():
    """At a learning rate that destroys the model, the first validation is the best."""
    run = train(
        Path("outputs"),
        "optimizer.lr=3",
        "scheduler=none",
        "callbacks.best.monitor=val/answer_nll",
        "callbacks.best.mode=min",
        "trainer.max_steps=8",
    )
    seen = [line["val/answer_nll"] for line in validations(run)]
    kept = json.loads((run / "metrics.json").read_text())["val"]["answer_nll"]
    assert min(seen) < max(seen)
    assert kept == pytest.approx(min(seen), rel=1e-5)


def test_a_figure_of_a_chosen_scorer_is_monitored():
    run = train(
        Path("outputs"),
        "metrics=text",
        "callbacks=early_stopping",
        "callbacks.best.monitor=val/chrf",
        "callbacks.early_stopping.monitor=val/sentence_bleu",
        "callbacks.early_stopping.patience=1",
        "trainer.max_steps=8",
    )
    assert [line["step"] for line in validations(run)] == [2, 4], "an untrained model shares no four words"
    assert {"val/chrf", "val/sentence_bleu"} <= set(validations(run)[0])


def test_a_figure_that_the_questions_do_not_give_is_refused_at_the_first_validation():
    line = refusal(call("train", *TINY, "callbacks.best.monitor=val/refusal_f1"), trained=True)
    assert line.startswith(
        "callbacks: the validation questions give no 'val/refusal_f1' to monitor; take one of val/answer_length,"
    )


def test_the_logger_mirrors_the_history():
    run = train(Path("outputs"), "logger=csv", "callbacks.history.every=1")
    with next(run.rglob("metrics.csv")).open() as file:
        logged = list(csv.DictReader(file))
    for line in read_lines(run / "history.jsonl"):
        for name in ("train/loss", "val/answer_nll"):
            if name in line:
                assert any(
                    row["step"] == str(line["step"]) and row[name] and float(row[name]) == pytest.approx(line[name])
                    for row in logged
                ), (name, line["step"])


@pytest.mark.parametrize(("every", "what"), [(2, "train/loss"), (20, "val/answer_nll")])
def test_a_training_that_diverges_fails(tmp_path, every, what):
    words = ("optimizer.lr=1e9", "trainer.gradient_clip_val=null", f"callbacks.history.every={every}")
    outcome = call("train", *TINY, *words, f"outputs={tmp_path}")
    assert f"training diverged: {what} is nan at step 2; lower optimizer.lr" in outcome.err.splitlines()[-1]
    assert outcome.code == 2
    (run,) = tmp_path.glob("default/*")
    assert json.loads((run / "status.json").read_text())["state"] == "failed"
    assert all(
        "train/loss" not in line or math.isfinite(line["train/loss"]) for line in read_lines(run / "history.jsonl")
    )


def test_history_adds_up_to_what_the_loss_was_made_of():
    run = train(Path("outputs"), "loss=all", "callbacks.history.every=1")
    lines = [line for line in read_lines(run / "history.jsonl") if "train/loss" in line]
    roles = ("prompt", "context", "answer", "end")
    for line in lines:
        assert sum(line[f"train/loss_{role}"] for role in roles) == pytest.approx(line["train/loss"], rel=1e-5)
    total = sum(line["train/loss"] for line in lines)
    share = json.loads((run / "metrics.json").read_text())["masks"]["share"]
    for role in roles:
        assert share[role] == pytest.approx(sum(line[f"train/loss_{role}"] for line in lines) / total, rel=1e-5)


def test_what_was_left_out_cut_or_found_twice_is_said():
    rows = [{"question": f"what is number {i} of the long list of things", "answer": [f"thing {i}"]} for i in range(40)]
    rows += [{"question": "what has two answers", "answer": ["one", "two"]}] * 2
    Path("data").mkdir()
    for name in ("train", "test"):
        Path(f"data/{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows[: 42 if name == "train" else 4])
        )
    words = [word for word in TINY if not word.startswith("dataset.")]
    outcome = call(
        "train", *words, "dataset=jsonl", "dataset.path=data", "dataset.answers=single", "max_length=10",
        "generation.max_new_tokens=4",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "2 train questions left out: more than one answer" in outcome.err
    assert "train rows cut to max_length=10" in outcome.err
    assert "4 test questions stand in train too" in outcome.err
    metrics = json.loads(next(Path("outputs").glob("*/*/metrics.json")).read_text())
    assert metrics["data"]["train"]["dropped"] == {"more than one answer": 2}
    assert metrics["data"]["overlap"]["train_test"] == 4
    assert metrics["masks"]["truncated"]["train"] > 0
