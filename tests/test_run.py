"""A run from end to end: what it leaves, and that it may be stopped and started again at any moment."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.commands.lines import TINY, call, environment, read_lines, refusal, spawn, train

HARD = (
    "trainer.max_steps=12",
    "trainer.val_check_interval=3",
    "callbacks.progress.every=2",
    "callbacks.history.every=5",
    "callbacks.best.monitor=val/answer_nll",
    "callbacks.best.mode=min",
    "micro_batch_size=4",
    "model.size.resid_dropout=0.1",
    "model.size.embed_dropout=0.1",
    "optimizer.lr=0.01",
)
"""Everything that a resumed run could get wrong: dropout, accumulation, validations on and between checkpoints."""

AT = """
import os, signal, sys
where, step, number = sys.argv.pop(1).split("@")
from fsqa.callbacks.history import History
from fsqa.callbacks.progress import Progress
hooks = {"trained": (History, "on_train_batch_end"), "saved": (Progress, "on_train_batch_end"),
         "validated": (History, "on_validation_end")}
owner, name = hooks[where]
hook = getattr(owner, name)
def deadly(self, trainer, *rest):
    hook(self, trainer, *rest)
    if trainer.global_step == int(step):
        os.kill(os.getpid(), int(number))
setattr(owner, name, deadly)
from fsqa.cli import main
main()
"""
"""Runs a command and sends its own process a signal at one moment of the training."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def status(run: Path) -> dict:
    return json.loads((run / "status.json").read_text(encoding="utf-8"))


def only_run(outputs: Path) -> Path:
    (path,) = outputs.glob("*/*/status.json")
    return path.parent


def history(run: Path) -> list[dict]:
    return [
        {key: value for key, value in line.items() if key != "seconds"} for line in read_lines(run / "history.jsonl")
    ]


def assert_same_run(run: Path, reference: Path) -> None:
    assert run.name == reference.name
    assert history(run) == history(reference)
    for name in ("model/model.safetensors", "predictions.jsonl"):
        assert (run / name).read_bytes() == (reference / name).read_bytes(), name
    assert status(run)["state"] == "done"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted run."""
    return train(tmp_path_factory.mktemp("whole") / "outputs", *HARD)


def test_every_file_is_there(finished):
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    assert files >= {
        "config.yaml",
        "status.json",
        "history.jsonl",
        "metrics.json",
        "predictions.jsonl",
        "baseline/untouched.jsonl",
        "baseline/most_frequent_answer.jsonl",
        "baseline/nearest_question.jsonl",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "model/config.json",
        "model/generation_config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
        "model/tokenizer_config.json",
        "model/README.md",
    }
    assert not [name for name in files if name.endswith(".tmp") or "/." in name]
    assert finished.name.startswith("atlas-tiny_gpt_neo-full-answer_end-seed0-")


def test_status_and_config(finished):
    content = status(finished)
    assert content["state"] == "done"
    assert content["error"] is None
    assert content["started"] <= content["finished"]
    assert content["seconds"] > 0
    assert content["seed"] == 0
    assert len(content["data_sha256"]) == 64
    assert content["choices"]["loss"] == "answer_end"
    assert {"torch", "transformers"} <= set(content["packages"])
    assert all(content[name] for name in ("config_hash", "cell_hash", "code_version", "host"))
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert config["loss"]["_target_"] == "fsqa.loss.SmoothedKL"
    assert "${" not in (finished / "config.yaml").read_text()


def test_metrics_and_history(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert set(metrics) >= {"val", "test", "baseline", "cost", "masks"}
    assert set(metrics["baseline"]) == {"untouched", "most_frequent_answer", "nearest_question"}
    assert metrics["cost"]["steps"] == 12
    assert sum(metrics["masks"]["share"].values()) == pytest.approx(1)
    lines = history(finished)
    assert [line["step"] for line in lines if "val/answer_nll" in line] == [3, 6, 9, 12]
    assert [line["step"] for line in lines if "train/loss" in line] == [5, 10, 12]
    rows = read_lines(finished / "predictions.jsonl")
    assert len(rows) == metrics["test"]["examples"] == 20
    assert {"id", "question", "references", "prediction", "exact_match", "f1"} <= set(rows[0])


def test_checkpoints_are_safe_to_load(finished):
    import torch

    for name in ("best", "last"):
        assert "state_dict" in torch.load(finished / "checkpoints" / f"{name}.ckpt", weights_only=True)


def test_the_second_start_returns_at_once(finished):
    """Same result, nothing touched, nothing heavy loaded."""
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    words = ("train", *TINY, *HARD, f"outputs={finished.parents[1]}")
    code = (
        "import sys; from fsqa.cli import run; code = run(sys.argv[1:]); "
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules); sys.exit(code)"
    )
    outcome = spawn(*words, code=code)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith(f"{finished}  exact match ")
    assert outcome.stdout.endswith("(already done)\n")
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*")}


@pytest.mark.parametrize(
    "moments",
    [("trained@1",), ("trained@7",), ("validated@6",), ("validated@12",), ("trained@7", "saved@6")],
    ids=" then ".join,
)
def test_a_killed_run_goes_on_exactly(moments, finished):
    """Killed before the first checkpoint, between two, before and after a validation on one, at the end, and twice."""
    words = ("train", *TINY, *HARD, "outputs=outputs")
    for moment in moments:
        killed = spawn(f"{moment}@{signal.SIGKILL:d}", *words, code=AT)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        run = only_run(Path("outputs"))
        assert status(run)["state"] == "running"
        assert not (run / "metrics.json").exists()
    if moments == ("trained@7",):
        # A kill in the middle of a write leaves half a line.
        with (run / "history.jsonl").open("a") as file:
            file.write('{"step": 7, "sec')
    assert call(*words).code == 0
    assert_same_run(run, finished)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_so_and_goes_on(number, code, finished):
    words = ("train", *TINY, *HARD, "outputs=outputs")
    stopped = spawn(f"trained@7@{number:d}", *words, code=AT)
    assert stopped.returncode == code, stopped.stderr
    assert stopped.stderr.endswith("\nfsqa: interrupted; type the same command to go on\n")
    assert "Traceback" not in stopped.stderr
    run = only_run(Path("outputs"))
    assert status(run)["state"] == "interrupted"
    assert call(*words).code == 0
    assert_same_run(run, finished)


def test_a_failed_run_tells_and_is_tried_again(monkeypatch):
    def bug(*_, **__):
        raise RuntimeError("a bug on purpose")

    with monkeypatch.context() as patch:
        patch.setattr("fsqa.results._masks", bug)
        with pytest.raises(RuntimeError, match="a bug on purpose"):
            call("train", *TINY)
    run = only_run(Path("outputs"))
    content = status(run)
    assert content["state"] == "failed"
    assert content["error"]["type"] == "RuntimeError"
    assert content["error"]["message"] == "a bug on purpose"
    assert "in bug" in content["error"]["traceback"]
    started = content["started"]
    assert call("train", *TINY).code == 0
    content = status(run)
    assert (content["state"], content["error"], content["started"]) == ("done", None, started)


def test_two_processes_never_share_a_run():
    code = (
        "import sys, time; import fsqa.study.folder as f; start = f.RunFolder._write_start\n"
        "def slow(self):\n    start(self); print('started', flush=True); time.sleep(30)\n"
        "f.RunFolder._write_start = slow\nfrom fsqa.cli import main\nmain()"
    )
    words = ["train", *TINY]
    first = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        stderr=subprocess.PIPE,
    )
    try:
        assert first.stdout.readline() == "started\n"
        line = refusal(call(*words))
        assert "another process is running this run; wait for it to end" in line
        assert status(only_run(Path("outputs")))["state"] == "running"
    finally:
        first.send_signal(signal.SIGTERM)
        _, told = first.communicate(timeout=30)
    assert first.returncode == 143
    assert told == "fsqa: interrupted; type the same command to go on\n"
    assert call(*words).code == 0, "a lock dies with its owner"


@pytest.mark.parametrize("experiment", ["gpt_neo_nq_open"])
def test_rehearsal_of_an_experiment(experiment):
    """The whole path of a preset, offline, with a tiny model of its architecture."""
    Path("data").mkdir()
    for name, count in (("NQ-open.train.jsonl", 80), ("NQ-open.dev.jsonl", 20)):
        rows = [{"question": f"who is {name[8]} number {i}", "answer": [f"person {i}"]} for i in range(count)]
        Path("data", name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = (f"experiment={experiment}", "rehearse=true", "dataset.path=data", "trainer.accelerator=cpu")
    outcome = call("train", *words)
    assert outcome.code == 0, outcome.err
    run = only_run(Path("outputs"))
    assert run.name.startswith("rehearsal-nq_open-gpt_neo_125m-full-answer-seed0-")
    assert json.loads((run / "model/config.json").read_text())["model_type"] == "gpt_neo"
    assert json.loads((run / "metrics.json").read_text())["cost"]["parameters"] < 1e6
    assert call("ask", run, "who is t number 3").code == 0


def test_rehearsal_of_the_defaults():
    data = [word for word in TINY if word.startswith(("dataset.", "trainer.accelerator"))]
    outcome = call("train", "rehearse=true", *data)
    assert outcome.code == 0, outcome.err
    assert json.loads((only_run(Path("outputs")) / "metrics.json").read_text())["cost"]["steps"] == 20


def test_a_run_whose_data_changed_is_not_mixed_with_the_new():
    rows = [{"question": f"what is number {i}", "answer": f"thing {i}"} for i in range(40)]
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [word for word in TINY if not word.startswith("dataset.")]
    words += ["dataset=jsonl", "dataset.path=data.jsonl"]
    assert call("train", *words).code == 0
    run = only_run(Path("outputs"))
    before = (run / "metrics.json").read_bytes()
    Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    assert "the data has changed since this run was started" in refusal(call("train", *words))
    assert (run / "metrics.json").read_bytes() == before
    Path("data.jsonl").unlink()
    again = call("train", *words)
    assert again.code == 0
    assert "already done" in again.out
