import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from fsqa.model.quantization import PACKAGES, Quantization
from tests.commands.lines import call, refusal
from tests.export.runs import everything, logits


def test_int8_beside_float32_and_bfloat16(run):
    before = everything(run)
    outcome = call("export", run, "--format", "int8", "--output", "int8")
    assert outcome.code == 0, outcome.err
    assert everything(run) == before
    assert [path.name for path in Path().iterdir()] == ["int8"]
    whole, half, few = json.loads(Path("int8/table.json").read_text(encoding="utf-8"))
    assert [one["precision"] for one in (whole, half, few)] == ["float32", "bfloat16", "int8"]
    assert half["megabytes"] < 0.6 * whole["megabytes"]
    assert few["megabytes"] < 0.7 * whole["megabytes"]
    assert few["megabytes"] == pytest.approx(Path("int8/model.safetensors").stat().st_size / 1e6)
    for one, words in ((whole, []), (half, ["quantization=bfloat16"]), (few, ["quantization=int8"])):
        assert one["answers_per_second"] > 0
        if "-full-" in run.name or not words:
            again = json.loads(call("evaluate", run, "--json", *words).out)
            assert one["scores"] == pytest.approx({name: again[name] for name in one["scores"]}, abs=1e-6)
        assert f"| {one['precision']} | {one['megabytes']:.2f} |" in Path("int8/README.md").read_text(encoding="utf-8")
    assert 0 < abs(few["scores"]["answer_nll"] - whole["scores"]["answer_nll"]) < 0.05
    shown = [line.split() for line in outcome.out.splitlines()]
    assert shown[0] == ["int8"]
    assert [line[0] for line in shown[1:]] == ["precision", "float32", "bfloat16", "int8"]


def test_what_was_measured_is_what_is_loaded(full_run):
    assert call("export", full_run, "--format", "int8", "--output", "int8").code == 0
    model = AutoModelForCausalLM.from_pretrained("int8", device_map={"": "cpu"})
    assert {type(module).__name__ for module in model.modules()} >= {"Linear8bitLt"}
    arguments = Quantization(kind="int8").arguments()
    fresh = AutoModelForCausalLM.from_pretrained(full_run / "model", **arguments)
    questions = ["Which city?", "a"]
    assert torch.equal(logits(model, "int8", questions), logits(fresh, "int8", questions))


def test_a_missing_package_is_named(full_run, monkeypatch):
    monkeypatch.setitem(PACKAGES, "torchao_int8", ("no_such_package", "torchao"))
    told = refusal(call("export", full_run, "--format", "torchao_int8"))
    assert told == "torchao_int8 weights need no_such_package, and it is not installed; pip install 'torchao'"
    assert not list(Path().iterdir())
