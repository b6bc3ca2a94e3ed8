"""Two processes that train one run: what they compute, who writes, and how they end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.lines import SMALL, TINY, call, environment, read_lines, refusal, train

SETTING = (
    "trainer.max_steps=5",
    "trainer.val_check_interval=2",
    "callbacks.history.every=2",
    "callbacks.progress.every=1",
    "callbacks.best.monitor=val/answer_nll",
    "callbacks.best.mode=min",
    "micro_batch_size=2",
    "optimizer.lr=0.01",
)
TWO = ("trainer.devices=2",)
FORKED = (*TWO, "trainer.strategy=ddp_fork")
STRATEGIES = {
    "ddp": (*TWO, "trainer.strategy=ddp"),
    "fsdp": ("trainer=fsdp", *TWO, "trainer.accelerator=cpu", "trainer.precision=32-true"),
}

CALLBACK = """
import os
import pytorch_lightning as pl

class Fails(pl.Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, number):
        rank, step, how = os.environ.get("FAILS", "0@0@0").split("@")
        if (trainer.global_rank, trainer.global_step) == (int(rank), int(step)):
            if int(how):
                os.kill(os.getpid(), int(how))
            raise RuntimeError("a bug on purpose")
"""
FAILING = ("allow=[failing]", "+callbacks.fails._target_=failing.Fails")
"""A callback that fails, or kills its process, in the process and at the step that the environment names."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("failing.py").write_text(CALLBACK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("FAILS", raising=False)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same training in one process, for each way of taking the mean."""
    outputs = tmp_path_factory.mktemp("alone") / "outputs"
    return {mean: train(outputs, *SETTING, f"loss.mean={mean}") for mean in ("example", "token")}


def started(*words, **more):
    """A command in processes of its own: Lightning types ``python -m fsqa ...`` again."""
    return subprocess.Popen(
        [sys.executable, "-m", "fsqa", "train", *TINY, *SETTING, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=os.pathsep.join([str(Path.cwd()), *sys.path]), **more),
    )


def ended(process):
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err


def only_run() -> Path:
    (path,) = Path("outputs").glob("*/*/status.json")
    return path.parent


def status(run):
    return json.loads((run / "status.json").read_text())


def assert_same(run, reference):
    """Same losses at every step, same figures at the end, whoever computed them."""
    lines, wanted = read_lines(run / "history.jsonl"), read_lines(reference / "history.jsonl")
    assert [line["step"] for line in lines] == [line["step"] for line in wanted]
    for line, other in zip(lines, wanted, strict=True):
        assert line.keys() == other.keys()
        for name in line.keys() - {"seconds"}:
            assert line[name] == pytest.approx(other[name], rel=1e-5, abs=1e-5), (name, line["step"])
    metrics, others = (json.loads((folder / "metrics.json").read_text()) for folder in (run, reference))
    for part in ("val", "test", "masks"):
        assert flat(metrics[part]) == pytest.approx(flat(others[part]), rel=1e-5, abs=1e-5)
    assert metrics["baseline"] == others["baseline"]
    for name in ("steps", "loss_tokens", "parameters", "trainable_parameters"):
        assert metrics["cost"][name] == others["cost"][name], name
    assert metrics["cost"]["devices"] == 2
    assert status(run)["state"] == "done"
    assert not [path for path in run.rglob("*") if path.name.endswith(".tmp")]


def flat(figures, prefix=""):
    found = {}
    for name, value in figures.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


@pytest.mark.parametrize("mean", ["example", "token"])
def test_forked_processes_compute_what_one_does(mean, alone):
    assert_same(train(Path("outputs"), *SETTING, *FORKED, f"loss.mean={mean}"), alone[mean])


@pytest.mark.parametrize(("failing", "step"), [(0, 3), (1, 4)])
def test_a_forked_process_that_fails_ends_the_run_which_goes_on(failing, step, alone, monkeypatch):
    words = ("train", *TINY, *SETTING, *FORKED, *FAILING)
    monkeypatch.setenv("FAILS", f"{failing}@{step}@0")
    with pytest.raises(Exception, match="a bug on purpose"):
        call(*words)
    assert status(only_run())["state"] == "failed"
    monkeypatch.delenv("FAILS")
    outcome = call(*words)
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("\n") == 1
    assert_same(only_run(), alone["example"])


def test_a_forked_process_that_dies_ends_the_run(monkeypatch):
    monkeypatch.setenv("FAILS", f"1@3@{signal.SIGKILL:d}")
    with pytest.raises(Exception, match="process 1 terminated with signal SIGKILL"):
        call("train", *TINY, *SETTING, *FORKED, *FAILING)
    assert status(only_run())["state"] == "failed"


def test_what_a_forked_process_refuses_is_one_line():
    line = refusal(call("train", *TINY, *FORKED, "optimizer.weight_decay=-1"))
    assert line == "torch.optim.AdamW refuses these settings: Invalid weight_decay value: -1"


def test_ddp_by_command_computes_what_one_process_does(alone):
    code, out, err = ended(started(*STRATEGIES["ddp"]))
    assert code == 0, err
    assert out.count("\n") == 1
    assert_same(only_run(), alone["example"])


def test_fsdp_fails_together_and_goes_on_to_what_one_process_computes(alone):
    words = (*STRATEGIES["fsdp"], *FAILING, "loss.mean=token")
    code, _, err = ended(started(*words, FAILS="1@4@0"))
    assert code not in (0, None)
    assert "a bug on purpose" in err
    assert status(only_run())["state"] in ("failed", "running")
    code, out, err = ended(started(*words))
    assert code == 0, err
    assert out.count("\n") == 1
    assert_same(only_run(), alone["token"])


def test_a_stop_reaches_every_process():
    """Stopped from outside in the middle: no process stays, and the run knows that it was interrupted."""
    process = started(*FORKED, *FAILING, FAILS=f"1@3@{signal.SIGSTOP:d}")
    try:
        while process.poll() is None and not list(Path("outputs").glob("*/*/checkpoints/last.ckpt")):
            pass
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGTERM)
        code, _, err = ended(process)
    finally:
        process.kill()
    assert code == 143, err
    assert "fsqa: interrupted; type the same command to go on" in err
    assert status(only_run())["state"] == "interrupted"
    assert len(children) >= 2
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_processes_in_a_sweep_are_refused_before_anything_is_made():
    line = refusal(call("train", "-m", *TINY, *STRATEGIES["ddp"], "seed=0,1"))
    assert "every further process would start the whole sweep again" in line
    assert not Path("outputs").exists()


def test_forked_processes_may_sweep():
    outcome = call("train", "-m", *TINY, *FORKED, "seed=0,1", "trainer.max_steps=2")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("exact match") == 2


def test_what_takes_all_answers_is_measured_over_those_of_every_process():
    """The second of two questions alone is off topic: by itself the process that asks the first knows no refusal."""
    refusals = (
        *(word for word in SMALL if "answers" not in word),
        "dataset=atlas_with_refusals",
        "dataset.share=0.2",
        "dataset.questions.questions=196",
        "dataset.questions.validation_questions=40",
        "dataset.questions.test_questions=40",
        "model.size.hidden_size=32",
        "model.vocabulary=400",
        "callbacks.answers.examples=2",
        "metrics=[text,calibration]",
    )
    figures = []
    for devices in ((), FORKED):
        outcome = call("train", *refusals, *devices, f"study=of_{len(devices)}")
        assert outcome.code == 0, outcome.err
        history = read_lines(Path(outcome.out.split("  ")[0]) / "history.jsonl")
        figures.append({name: value for name, value in history[-1].items() if name.startswith("val/")})
    assert {"val/leak_rate", "val/sentence_bleu", "val/brier"} <= set(figures[0])
    assert figures[1] == pytest.approx(figures[0], abs=1e-4)
