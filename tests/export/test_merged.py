from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.commands.lines import call, read_lines, train
from tests.export.runs import documented_code, documented_prompt, everything, logits

QUESTIONS = ["Which city?", "who wrote the novel emma, and when did she write it?", "a"]
VARIANTS = {
    "lora": ["tuning=lora", "tuning.targets=all-linear"],
    "with the tied head": ["tuning=lora", "tuning.train_head=true"],
    "dora": ["tuning=dora"],
    "with a head of its own": ["tuning=lora", "tuning.train_head=true", "+model.size.tie_word_embeddings=false"],
}


@pytest.mark.parametrize("words", VARIANTS.values(), ids=VARIANTS)
def test_logits_are_those_of_the_adapter(tmp_path, words):
    run = train(tmp_path / "outputs", *words, "optimizer.lr=0.05")
    before = everything(run)
    outcome = call("export", run, "--format", "merged", "--output", "merged")
    assert (outcome.code, outcome.out) == (0, "merged\n"), outcome.err
    assert everything(run) == before
    base = AutoModelForCausalLM.from_pretrained(run / "model" / "base")
    untouched = logits(base, run / "model", QUESTIONS)
    adapter = logits(PeftModel.from_pretrained(base, run / "model").eval(), run / "model", QUESTIONS)
    merged = AutoModelForCausalLM.from_pretrained("merged")
    assert (logits(merged, "merged", QUESTIONS) - adapter).abs().max() <= 1e-5
    assert (untouched - adapter).abs().max() > 1e-3, "the adapter does something"
    tied = "+model.size.tie_word_embeddings=false" not in words
    assert (merged.get_output_embeddings().weight is merged.get_input_embeddings().weight) == tied
    assert not [name for name in load_file("merged/model.safetensors") if "lora" in name or "base_layer" in name]


def test_answers_stay_the_same(lora_run):
    """Also of a client: the merged folder has a tokenizer, generation settings, and a card without peft."""
    assert call("export", lora_run, "--format", "merged").code == 0
    folder = Path(f"{lora_run.name}-merged")
    assert "peft" not in documented_code(folder)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    for row in read_lines(lora_run / "predictions.jsonl")[:5]:
        text = documented_prompt(folder).replace("{question}", row["question"])
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        said = model.generate(input_ids=ids, max_new_tokens=12, do_sample=False)
        assert tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True).strip() == row["prediction"]


def test_a_model_that_was_tuned_whole_is_copied(full_run):
    assert call("export", full_run, "--format", "merged", "--output", "copy").code == 0
    own, copied = load_file(full_run / "model" / "model.safetensors"), load_file("copy/model.safetensors")
    assert own.keys() == copied.keys()
    assert all(torch.equal(own[name], copied[name]) for name in own)
    sizes = [{name: size for name, (size, _) in everything(f).items()} for f in (full_run / "model", Path("copy"))]
    assert sizes[0] == sizes[1]
