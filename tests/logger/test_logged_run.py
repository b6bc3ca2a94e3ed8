"""Whole runs with every logger: what they hold is the history, and the run is the same without them."""

import csv
import json
import os
import socket
import threading
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fsqa.callbacks.history import History
from fsqa.errors import Stopped
from tests.commands.lines import TINY, call, read_lines, train
from tests.logger import offline

ALL = ("logger=[csv,tensorboard,wandb]", "study=logged")
OFTEN = ("callbacks.history.every=1", "callbacks.progress.every=2")
MOMENT = 3
"""The step after which a run is stopped; its last checkpoint is of the step before."""


@pytest.fixture(scope="module")
def contacts():
    """Whoever calls the proxy that everything on this machine is told to use."""
    import wandb

    wandb.teardown()  # its process keeps the proxy that it was started with
    called: list[str] = []
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as server:
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(name, proxy)

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                called.append(connection.recv(100).decode(errors="replace"))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield called


@pytest.fixture(scope="module")
def logged(contacts, tmp_path_factory):
    """A run with all loggers, into an empty home; beside it an environment of somebody's own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("WANDB_PROJECT", "own")
        run = train(tmp_path_factory.mktemp("logged") / "outputs", *ALL, *OFTEN, "logger.wandb.log_model=true")
        assert [name for name in os.environ if name.startswith("WANDB_")] == ["WANDB_PROJECT"]
    assert not [path for path in home.rglob("*") if "wandb" in str(path)]
    return run


@pytest.fixture(scope="module")
def kept(logged):
    (part,) = offline.parts(logged)
    return offline.read(part)


def test_the_network_is_left_alone(logged, contacts):
    assert contacts == []


def test_wandb_holds_the_history_event_by_event(logged, kept):
    rows = [{name: value for name, value in row.items() if name != "val/answers"} for row in kept.history]
    assert rows == offline.events(logged)
    assert kept.steps == list(range(len(rows)))
    assert kept.exit_code == 0
    assert {name: kept.axes[name] for name in ("train/*", "val/*", "val/f1", "step", "loss_tokens")} == {
        "train/*": "step", "val/*": "step", "val/f1": "step", "step": "", "loss_tokens": "",
    }  # fmt: skip


def test_wandb_knows_what_the_run_is(logged, kept):
    status = json.loads((logged / "status.json").read_text())
    assert kept.run == {
        "id": kept.run["id"],
        "project": "logged",
        "group": f"atlas tiny_gpt_neo full answer_end smoothing=0.1 lr=0.001 #{status['cell_hash'][:8]}",
        "job_type": "train",
        "name": "atlas tiny_gpt_neo full answer_end smoothing=0.1 lr=0.001 seed=0",
        "tags": ["atlas", "tiny_gpt_neo", "full", "answer_end"],
    }
    assert kept.run["id"].startswith(status["config_hash"][:8])
    assert kept.config["optimizer"]["lr"] == 0.001
    assert kept.config["choices"]["loss"] == "answer_end"
    assert not {"logger", "outputs"} & set(kept.config)
    told = kept.config["run"]
    for name in ("data_sha256", "code_version", "packages", "cell_hash", "config_hash"):
        assert told[name] == status[name]
    assert told["name"] == logged.name
    cost = json.loads((logged / "metrics.json").read_text())["cost"]
    assert (told["parameters"], told["trainable_parameters"]) == (cost["parameters"], cost["trainable_parameters"])
    assert sum(told["token_share"].values()) == pytest.approx(1)


def test_wandb_has_the_results_and_the_answers(logged, kept):
    metrics = json.loads((logged / "metrics.json").read_text())
    for name, value in metrics["test"].items():
        assert kept.summary[f"test/{name}"] == value
    assert kept.summary["baseline/nearest_question/f1"] == metrics["baseline"]["nearest_question"]["f1"]
    assert kept.summary["masks/share/answer"] == metrics["masks"]["share"]["answer"]
    assert kept.summary["state"] == "done"
    (part,) = offline.parts(logged)
    compared = offline.table(part, kept.summary["test/answers"])
    tuned, untouched = read_lines(logged / "predictions.jsonl"), read_lines(logged / "baseline/untouched.jsonl")
    assert [row["tuned answer"] for row in compared] == [row["prediction"] for row in tuned]
    assert [row["untouched answer"] for row in compared] == [row["prediction"] for row in untouched]
    assert [row["changed"] for row in compared] == [
        before["prediction"] != after["prediction"] for before, after in zip(untouched, tuned, strict=True)
    ]
    validations = [row for row in kept.history if "val/f1" in row]
    assert [len(row["val/answers"]) for row in validations] == [10, 10]
    for row in validations:
        shown = row["val/answers"]
        assert sum(answer["F1"] for answer in shown) / len(shown) == pytest.approx(row["val/f1"], abs=1e-6)


def test_wandb_keeps_the_model_and_everything_else_in_the_run_folder(logged, kept):
    files = sum(path.is_file() for path in (logged / "model").iterdir())
    assert ("model", f"model-{kept.run['id']}", files) in kept.artifacts
    assert list((logged / "wandb" / "artifacts" / "staging").iterdir())


def test_csv_and_tensorboard_hold_the_history_too(logged):
    history = offline.events(logged)
    with (logged / "metrics.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    assert rows == history
    board = EventAccumulator(str(logged / "tensorboard")).Reload()
    for name in ("train/loss", "val/f1", "loss_tokens"):
        points = [(event.step, event.value) for event in board.Scalars(name)]
        assert points == [(line["step"], pytest.approx(line[name])) for line in history if name in line]
    assert [event.step for event in board.Tensors("val/answers/text_summary")] == [2, 4]


def test_a_run_is_the_same_without_loggers(logged, tmp_path):
    plain = train(tmp_path / "outputs", *OFTEN)
    assert plain.name == logged.name
    histories = [[offline.plain(row) for row in offline.events(run)] for run in (plain, logged)]
    assert histories[0] == histories[1]
    for name in ("model/model.safetensors", "predictions.jsonl"):
        assert (plain / name).read_bytes() == (logged / name).read_bytes()


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The words of a run that was stopped after step 3, one beyond its last checkpoint, and its folder."""
    words = ("train", *TINY, *ALL, *OFTEN, "outputs=outputs")
    hook = History.on_train_batch_end

    def stopping(self, trainer, *rest):
        hook(self, trainer, *rest)
        if trainer.global_step == MOMENT:
            raise Stopped(15)

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(History, "on_train_batch_end", stopping)
        assert call(*words).code == 143
    (status,) = Path("outputs").glob("*/*/status.json")
    return words, status.parent


def test_a_resumed_run_holds_exactly_its_history(stopped, logged):
    words, run = stopped
    (part,) = offline.parts(run)
    first = offline.read(part)
    assert (first.exit_code, first.summary["state"], len(first.history)) == (143, "interrupted", 4)
    assert call(*words).code == 0
    both = [offline.read(part) for part in offline.parts(run)]
    assert [part.run["id"] for part in both] == [first.run["id"]] * 2
    assert [step for part in both for step in part.steps] == list(range(6))
    history = [offline.plain(row) for row in offline.events(run)]
    assert [offline.plain(row) for part in both for row in part.history] == history
    assert history == [offline.plain(row) for row in offline.events(logged)]
    board = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [event.step for event in board.Scalars("train/loss")] == [1, 2, 3, 4]


def test_a_failed_run_is_finished_as_failed_and_the_next_one_is_its_own(tmp_path, monkeypatch):
    def bug(*_, **__):
        raise RuntimeError("a bug on purpose")

    words = ("train", *TINY, "logger=wandb", f"outputs={tmp_path}", "callbacks.history.every=1")
    with monkeypatch.context() as patch:
        patch.setattr("fsqa.results._masks", bug)
        with pytest.raises(RuntimeError, match="a bug on purpose"):
            call(*words)
    assert call(*words, "seed=1").code == 0
    failed, done = sorted(tmp_path.glob("*/*/status.json"), key=lambda path: "seed1" in str(path))
    (first,), (second,) = offline.parts(failed.parent), offline.parts(done.parent)
    kept = [offline.read(part) for part in (first, second)]
    assert [(one.exit_code, one.summary["state"]) for one in kept] == [(1, "failed"), (0, "done")]
    assert kept[0].run["group"] == kept[1].run["group"]
    assert kept[0].run["id"] != kept[1].run["id"]
    for one, status in zip(kept, (failed, done), strict=True):
        assert [offline.plain(row) for row in one.history] == [
            offline.plain(row) for row in offline.events(status.parent)
        ]
