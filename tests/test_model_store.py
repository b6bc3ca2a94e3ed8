"""Runs of every way of tuning: trained, saved, loaded back by fsqa and by peft, killed and continued."""

import json
import logging
import shutil
import signal
from pathlib import Path

import pytest
import torch
import yaml
from transformers.utils.logging import warning_once

from fsqa import model_store
from fsqa.errors import InputError
from fsqa.finished import find_run, load_model
from tests.builders import characters, learned, scratch
from tests.commands.lines import TINY, call, read_lines, refusal, spawn, train

WAYS = {
    "freeze": ("tuning=freeze",),
    "lora": ("tuning=lora", "tuning.dropout=0.2", "tuning.train_head=true", "micro_batch_size=4", "optimizer.lr=0.01"),
    "dora": ("tuning=dora", "model.added_tokens=['<Q>']"),
    "qlora": ("tuning=qlora",),
    "qlora_int8": ("tuning=qlora", "tuning.bits=int8"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Every way of tuning once, made when it is asked for."""
    made: dict[str, Path] = {}

    def run(way: str) -> Path:
        if way not in made:
            made[way] = train(tmp_path_factory.mktemp(way) / "outputs", *WAYS[way])
        return made[way]

    return run


@pytest.mark.parametrize("way", WAYS)
def test_evaluate_gives_the_run_its_figures(way, runs):
    run = runs(way)
    written = json.loads((run / "metrics.json").read_text())
    outcome = call("evaluate", run, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == pytest.approx(written["test"], abs=1e-6)
    counts = json.loads((run / "parameters.json").read_text())["parameters"]
    assert counts == {"total": written["cost"]["parameters"], "trainable": written["cost"]["trainable_parameters"]}
    assert 0 < counts["trainable"] < counts["total"]
    assert call("ask", run, "what is it?").code == 0


@pytest.mark.parametrize("way", WAYS)
def test_checkpoints_hold_what_learns(way, runs):
    run = runs(way)
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    trainable = json.loads((run / "parameters.json").read_text())["parameters"]["trainable"]
    weights = {value.data_ptr(): value for value in checkpoint["state_dict"].values()}
    assert sum(value.numel() for value in weights.values()) == trainable


@pytest.mark.parametrize("way", ["lora", "dora"])
def test_peft_loads_it_alone(way, runs):
    from peft import AutoPeftModelForCausalLM

    run = runs(way)
    theirs = AutoPeftModelForCausalLM.from_pretrained(run / "model").eval()
    ours, tokenizer = load_model(find_run(run))
    ids = tokenizer("what is the capital?", return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.equal(theirs(input_ids=ids).logits, ours.cpu()(input_ids=ids).logits)


def test_a_moved_run_finds_its_base(runs, tmp_path):
    run = runs("lora")
    moved = tmp_path / "elsewhere" / "study" / run.name
    shutil.copytree(run, moved)
    config = moved / "model" / "adapter_config.json"
    assert json.loads(config.read_text())["base_model_name_or_path"] == str((run / "model" / "base").resolve())
    assert model_store.base_of(moved / "model") == str(moved / "model" / "base")


def test_other_numbers_than_the_run_was_trained_in(runs):
    line = refusal(call("evaluate", runs("qlora"), "quantization=int8"))
    assert "are held in nf4 as they were trained" in line
    assert call("evaluate", runs("qlora"), "quantization=nf4").code == 0
    assert call("evaluate", runs("lora"), "quantization=int8").code == 0


def test_gradients_with_checkpointing():
    """Activations are computed again, the gradients are the same."""
    from tests.tuning.adapters import lora

    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model = scratch("llama", gradient_checkpointing=checkpointing).model(characters(), 64, 0)
        tuned = lora(targets="all-linear")(model)
        assert any(getattr(part, "gradient_checkpointing", False) for part in tuned.modules()) == checkpointing
        ids = torch.arange(3, 35)[None]
        for name, parameter in sorted(tuned.named_parameters()):
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
        tuned(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        gradients.append({name: p.grad for name, p in tuned.named_parameters() if p.requires_grad})
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])
    assert all(value.abs().sum() > 0 for name, value in gradients[0].items())


def test_an_adapter_of_a_published_model(tmp_path):
    """Its base is named, not copied: a folder by its whole path."""
    source = scratch("gpt2")
    tokenizer = learned()
    base = tmp_path / "base model"
    source.model(tokenizer, 64, 0).save_pretrained(base)
    tokenizer.save_pretrained(base)
    words = ["model=pretrained", f"model.path='{base}'", "tuning=lora", "max_length=64"]
    data = [word for word in TINY if not word.startswith("model.")]
    outcome = call("train", *data, *words, f"outputs={tmp_path / 'outputs'}")
    assert outcome.code == 0, outcome.err
    run = Path(outcome.out.split("  ")[0])
    assert not (run / "model" / "base").exists()
    assert model_store.base_of(run / "model") == str(base.resolve())
    written = json.loads((run / "metrics.json").read_text())["test"]
    assert json.loads(call("evaluate", run, "--json").out) == pytest.approx(written, abs=1e-6)
    shutil.rmtree(base)
    assert "cannot load the model below the adapter" in refusal(call("evaluate", run))


def test_no_model(tmp_path):
    with pytest.raises(InputError, match=r"there is no model; wanted config.json or adapter_config.json"):
        model_store.load(tmp_path, "AutoModelForCausalLM", dtype="float32", device="cpu")


KILL = """
import os, signal, sys
from fsqa.callbacks.history import History
end = History.on_train_batch_end
def deadly(self, trainer, *rest):
    end(self, trainer, *rest)
    if trainer.global_step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
History.on_train_batch_end = deadly
from fsqa.cli import main
main()
"""


def killed(outputs: Path, *words: object) -> Path:
    outcome = spawn("train", *TINY, *words, "callbacks.progress.every=2", f"outputs={outputs}", code=KILL)
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr
    (status,) = outputs.glob("*/*/status.json")
    return status.parent


def test_a_killed_run_with_adapters_goes_on_exactly(runs, tmp_path):
    """Dropout in the adapters, accumulation, and a head that is tied to the embedding."""
    words = WAYS["lora"]
    whole = train(tmp_path / "whole", *words, "callbacks.progress.every=2")
    run = killed(tmp_path / "killed", *words)
    assert train(tmp_path / "killed", *words, "callbacks.progress.every=2") == run
    for name in ("model/adapter_model.safetensors", "predictions.jsonl"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    lines = [
        [
            {key: value for key, value in line.items() if key != "seconds"}
            for line in read_lines(folder / "history.jsonl")
        ]
        for folder in (run, whole)
    ]
    assert lines[0] == lines[1]


def test_a_run_does_not_go_on_over_other_weights(tmp_path):
    tokenizer, base = learned(), tmp_path / "base"
    for seed in (0, 1):
        scratch("gpt2").model(tokenizer, 64, seed).save_pretrained(tmp_path / f"seed{seed}")
        tokenizer.save_pretrained(tmp_path / f"seed{seed}")
    shutil.copytree(tmp_path / "seed0", base)
    words = [word for word in TINY if not word.startswith("model.")]
    words += ["model=pretrained", f"model.path='{base}'", "tuning=lora", "callbacks.progress.every=2"]
    outputs = tmp_path / "outputs"
    outcome = spawn("train", *words, f"outputs={outputs}", code=KILL)
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr
    shutil.copy(tmp_path / "seed1" / "model.safetensors", base / "model.safetensors")
    again = call("train", *words, f"outputs={outputs}")
    assert again.code == 2
    assert "it was trained over other frozen weights than the model has now" in again.err
    (config,) = outputs.glob("*/*/config.yaml")
    assert yaml.safe_load(config.read_text())["model"]["path"] == str(base)


def test_rows_for_added_tokens_are_made_without_notes(runs, tmp_path, monkeypatch, caplog):
    """The rows that transformers makes for a base without them are replaced at once, so how it does is no news."""
    own = f"model.path={runs('freeze') / 'model'}"
    words = [word for word in TINY if not word.startswith("model.")]
    choices = ("model=pretrained", own, "model.added_tokens=['<Q>']", "tuning=lora", f"outputs={tmp_path}")
    run = Path(call("train", *words, *choices).out.split("  ")[0])
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    caplog.clear()
    warning_once.cache_clear()  # training has made such rows too
    with caplog.at_level(logging.WARNING, logger="transformers"):
        load_model(find_run(run))
    assert [record.getMessage() for record in caplog.records] == []
