import json
import shutil
from pathlib import Path

import torch
from peft import AutoPeftModelForCausalLM

from tests.commands.lines import call, refusal
from tests.export.runs import logits

QUESTIONS = ["Which city?", "a"]


def test_it_needs_nothing_of_the_run(lora_run, tmp_path):
    shutil.copytree(lora_run, "run")
    known = logits(AutoPeftModelForCausalLM.from_pretrained(lora_run / "model"), lora_run / "model", QUESTIONS)
    assert call("export", "run", "--format", "adapter", "--output", "deeper/adapter").code == 0
    shutil.rmtree("run")
    config = json.loads(Path("deeper/adapter/adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == str(tmp_path / "deeper" / "adapter" / "base")
    exported = AutoPeftModelForCausalLM.from_pretrained("deeper/adapter")
    assert torch.equal(logits(exported, "deeper/adapter", QUESTIONS), known)


def test_a_run_without_one_is_refused(full_run):
    told = refusal(call("export", full_run, "--format", "adapter"))
    assert told.endswith(
        "was tuned with tuning=full and has no adapter; take --format merged, which is its whole model"
    )
    assert not list(Path().iterdir())
