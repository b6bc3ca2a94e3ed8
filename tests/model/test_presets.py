"""Every preset: its published size, its architecture in miniature, and a whole run of it."""

import json
import re
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import torch
import transformers
from omegaconf import OmegaConf

from fsqa.callbacks.progress import Progress
from fsqa.config.compose import compose_config
from fsqa.config.instantiate import build
from fsqa.finished import find_run, load_model
from fsqa.model.source import DECODER, Wanted
from fsqa.model.tokenizer import tokenizer_key
from tests.builders import CONF, learned
from tests.commands.lines import call, read_lines

OWN = {"pretrained", "scratch", "tiny_gpt_neo"}
"""Options of the group that stand for no published model."""
PRESETS = sorted(path.stem for path in (CONF / "model").glob("*.yaml") if path.stem not in OWN)

PUBLISHED = {
    "bert_base_uncased": 109_514_298,
    "bloom_560m": 559_214_592,
    "distilbert": 66_985_530,
    "gpt2": 124_439_808,
    "gpt2_medium": 354_823_168,
    "gpt2_large": 774_030_080,
    "gpt2_xl": 1_557_611_200,
    "gpt_j_6b": 6_050_882_784,
    "gpt_neo_125m": 125_198_592,
    "gpt_neo_1_3b": 1_315_575_808,
    "llama3_1_8b": 8_030_261_248,
    "opt_125m": 125_239_296,
    "opt_350m": 331_196_416,
    "phi3_5_mini": 3_821_079_552,
    "pythia_70m": 70_426_624,
    "pythia_160m": 162_322_944,
    "pythia_410m": 405_334_016,
    "qwen2_0_5b": 494_032_768,
    "qwen2_5_0_5b": 494_032_768,
    "qwen3_0_6b": 596_049_920,
    "smollm_135m": 134_515_008,
    "smollm_360m": 361_821_120,
    "smollm2_135m": 134_515_008,
    "smollm2_360m": 361_821_120,
}
"""Parameters as their authors count them, a tied head once; those tuned to chat have the size of their base."""

SIZES = re.compile(
    r"vocab_size|.*token_id|max_position_embeddings|n_positions|n_ctx|attention_layers|layer_types|attention_types|"
    r"(hidden|intermediate)_size|hidden_dim|dim|n_embd|n_inner|ffn_dim|word_embed_proj_dim|head_dim|rotary_dim|"
    r"num_(hidden_)?layers|n_layers?|num_(attention_|key_value_)?heads|n_heads?|(sliding_)?window(_size)?|"
    r"max_window_layers|dtype"
)
"""What a rehearsal may change in a config; everything else is a choice that it keeps."""


def is_encoder(preset):
    return "bert" in preset


def chats(preset):
    return preset.endswith("instruct") or preset == "qwen3_0_6b"


@cache
def source(preset, **changes):
    node = OmegaConf.to_container(compose_config([f"model={preset}"]).model, resolve=True)
    return build({**node, **changes})


def wanted(preset):
    return Wanted(model_class="AutoModelForMaskedLM") if is_encoder(preset) else DECODER


@pytest.mark.parametrize("preset", PRESETS)
def test_a_random_start_has_the_published_size(preset):
    """Without the hub and without memory: the model is made of shapes alone."""
    with torch.device("meta"):
        model = source(preset, start="random").model(learned(), 64, seed=0, wanted=wanted(preset))
    assert model.num_parameters() == PUBLISHED[preset.removesuffix("_instruct")]
    assert (model.config.bos_token_id, model.config.eos_token_id, model.config.pad_token_id) == (0, 1, 2)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_rehearsal_keeps_every_choice_of_the_architecture(preset):
    tokenizer = learned()
    with torch.device("meta"):
        real = source(preset, start="random").model(tokenizer, 64, seed=0, wanted=wanted(preset))
    tiny = source(preset).shrunk().model(tokenizer, 64, seed=0, wanted=wanted(preset))
    assert type(tiny) is type(real)
    assert tiny.num_parameters() < 250_000
    choices, small = real.config.to_dict(), tiny.config.to_dict()
    for config in (choices, small):
        config["rope_parameters"] = rope_choices(config.get("rope_parameters") or {})
    assert {name for name in choices if choices[name] != small.get(name) and not SIZES.fullmatch(name)} == set()
    assert parts(tiny) == parts(real)
    for left, right in RELATIONS:
        if choices.get(left) is not None and choices.get(right) is not None:
            assert (small[left] == small[right]) == (choices[left] == choices[right]), (left, right)
    assert set(small.get("layer_types") or ()) == set(choices.get("layer_types") or ())
    assert (small.get("sliding_window") is None) == (choices.get("sliding_window") is None)
    tied = tiny.get_output_embeddings().weight is tiny.get_input_embeddings().weight
    assert tied == choices["tie_word_embeddings"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_local_folder_takes_the_place_of_the_hub(preset, tmp_path):
    """With the folder's own config, whatever the preset says of sizes, its tokenizer and its weights."""
    tokenizer = learned()
    saved = source(preset).shrunk().model(tokenizer, 64, seed=0, wanted=wanted(preset)).eval()
    saved.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    local = source(preset, path=str(tmp_path))
    own = local.tokenizer(lambda: iter(()))
    assert tokenizer_key(own) == tokenizer_key(tokenizer)
    loaded = local.model(own, 64, seed=1, wanted=wanted(preset)).eval()
    ids = torch.tensor([own("who wrote emma?", add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).logits, saved(input_ids=ids).logits)
    random = source(preset, path=str(tmp_path), start="random").model(own, 64, seed=1, wanted=wanted(preset))
    assert random.num_parameters() == saved.num_parameters()


RELATIONS = (("num_key_value_heads", "num_attention_heads"), ("word_embed_proj_dim", "hidden_size"))
"""Sizes that stand to each other as in the real model: grouped heads or not, projected embeddings or not."""


def rope_choices(rope):
    """Settings of the rotary positions; the factors are cut to as many as a tiny head has."""
    return {name: value[:8] if isinstance(value, list) else value for name, value in rope.items()}


def parts(model):
    """Every module by its name and class, whatever the layer."""
    return {(re.sub(r"\.\d+", ".#", name), type(module)) for name, module in model.named_modules()}


WORDS = (
    "rehearse=true",
    "trainer.accelerator=cpu",
    "dataset.questions=196",
    "dataset.validation_questions=20",
    "dataset.test_questions=20",
    "batch_size=4",
    "max_length=24",
    "callbacks.answers=null",
    "callbacks.best.monitor=val/answer_nll",
    "callbacks.best.mode=min",
    "callbacks.progress.every=1",
)
STEPS = 4
ENCODER = ("objective=masked", "generation=fill")
DECODERS = ("generation.max_new_tokens=4",)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """One folder for all, so that data, tokenizer and rows are made once."""
    return tmp_path_factory.mktemp("presets") / "outputs"


@contextmanager
def interrupted(monkeypatch, step):
    """Stop the training as Ctrl-C does, after a step and its checkpoint, with a validation behind it."""
    save = Progress.on_train_batch_end

    def stop(self, trainer, *rest):
        save(self, trainer, *rest)
        if trainer.global_step == step:
            raise SystemExit(130)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_train_batch_end", stop)
        yield


proven: dict[str, str] = {}
"""Runs that were made, by all that decides them, with the preset that they were made for."""


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("preset", PRESETS)
def test_rehearsed_from_end_to_end(preset, tuning, outputs, monkeypatch, tmp_path):
    """Trained, interrupted, resumed, saved, loaded again: the same answers as without an interruption.

    Presets that differ in size alone (GPT-2 small to XL) come to the same rehearsal, which need not run twice.
    """
    prompt = "chat" if chats(preset) else "closed_book"
    key = f"{source(preset).shrunk()!r} {prompt} {tuning}"
    if key in proven:
        assert source(proven[key]).shrunk() == source(preset).shrunk()
        return
    monkeypatch.setattr("fsqa.config.rehearse.REHEARSAL_STEPS", STEPS)
    kind = ENCODER if is_encoder(preset) else DECODERS
    words = [f"model={preset}", f"tuning={tuning}", f"prompt={prompt}", *WORDS, *kind, f"outputs={outputs}"]
    whole = trained(*words, "study=whole")
    with interrupted(monkeypatch, step=STEPS - 1):
        assert call("train", *words, "study=cut").code == 130
    cut = trained(*words, "study=cut")
    rows = read_lines(whole / "predictions.jsonl")
    assert read_lines(cut / "predictions.jsonl") == rows
    assert weights(cut) == weights(whole)

    metrics = json.loads((whole / "metrics.json").read_text())
    again = call("evaluate", whole, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == metrics["test"]
    asked = call("ask", whole, rows[0]["question"])
    assert (asked.code, asked.out) == (0, rows[0]["prediction"] + "\n"), asked.err
    assert_export_is_the_same_model(whole, preset, tmp_path / "merged")
    proven[key] = preset


def assert_export_is_the_same_model(run, preset, folder):
    """Loaded by transformers alone, the exported weights compute what the run's own do, an adapter included."""
    outcome = call("export", run, "--format", "merged", "--output", folder)
    assert outcome.code == 0, outcome.err
    own, tokenizer = load_model(find_run(run))
    merged = getattr(transformers, wanted(preset).model_class).from_pretrained(folder).eval()
    ids = torch.tensor([tokenizer("who wrote emma?", add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        torch.testing.assert_close(merged(input_ids=ids).logits, own(input_ids=ids).logits, rtol=0, atol=1e-5)


def trained(*words):
    outcome = call("train", *words)
    assert outcome.code == 0, outcome.err
    return Path(outcome.out.split("  ")[0])


def weights(run):
    """The bytes of every weight file that the run leaves for others."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted((run / "model").rglob("*.safetensors"))}
