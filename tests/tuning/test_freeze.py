import json

import pytest

from fsqa.config.assemble import assemble, assemble_objective
from fsqa.config.rehearse import rehearsed
from fsqa.errors import InputError
from fsqa.finished import find_run, load_model
from fsqa.model.depth import blocks
from fsqa.tuning.freeze import Freeze
from fsqa.tuning.full import Full
from tests.builders import SIZES, tiny_model
from tests.commands.lines import TINY, call
from tests.tuning.adapters import encoder, trainable


@pytest.mark.parametrize("architecture", SIZES)
def test_the_first_layers_stay(architecture):
    model = Freeze(layers=1, embeddings=False)(tiny_model(architecture))
    first, last = blocks(model)
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert all(parameter.requires_grad for parameter in last.parameters())
    assert all(parameter.requires_grad for parameter in model.get_input_embeddings().parameters())
    whole = sum(parameter.numel() for parameter in model.parameters())
    assert sum(trainable(model).values()) == whole - sum(parameter.numel() for parameter in first.parameters())


def test_a_share_is_rounded_down():
    model = Freeze(layers=0.9, embeddings=False)(tiny_model("gpt2"))
    assert [any(p.requires_grad for p in block.parameters()) for block in blocks(model)] == [False, True]


def test_embeddings_and_what_is_tied_to_them():
    model = Freeze(layers=0, embeddings=True)(tiny_model("gpt2"))
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {"transformer.wte.weight", "transformer.wpe.weight"}
    assert not model.get_output_embeddings().weight.requires_grad
    model = Freeze(layers=0, embeddings=True)(tiny_model("llama"))  # not tied
    assert {name for name, p in model.named_parameters() if not p.requires_grad} == {"model.embed_tokens.weight"}


def test_an_encoder():
    model = Freeze(layers=2, embeddings=True)(encoder("distilbert"))
    assert all(name.startswith("vocab_") for name in trainable(model))


def test_full_undoes_it():
    model = Full()(Freeze(layers=2, embeddings=True)(tiny_model("gpt2")))
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"layers": -1, "embeddings": True}, "wanted a number of layers from 0, or a share in"),
        ({"layers": 1.5, "embeddings": True}, "wanted a number of layers from 0, or a share in"),
        ({"layers": 0, "embeddings": False}, "freeze nothing; take tuning=full"),
    ],
)
def test_refused_at_once(settings, told):
    with pytest.raises(InputError, match=told):
        Freeze(**settings)


def test_refused_with_the_model():
    with pytest.raises(InputError, match="GPT2LMHeadModel has 2 layers"):
        Freeze(layers=3, embeddings=True)(tiny_model("gpt2"))
    with pytest.raises(InputError, match="the rows of 2 added tokens would never learn"):
        Freeze(layers=1, embeddings=True)(tiny_model("gpt2"), new_tokens=[1, 2])


LITTLE_MEMORY = (
    "model=gpt2",
    "model.added_tokens=['<QUESTION>','<END>']",
    "model.gradient_checkpointing=true",
    "prompt=tagged",
    "tuning=freeze",
    "tuning.embeddings=false",
    "optimizer=adafactor",
    "trainer.precision=16-mixed",
    "rehearse=true",
)


def test_all_that_saves_memory_is_rehearsed_at_once(tmp_path):
    """Frozen layers, added tokens, Adafactor, float16 and gradient checkpointing: on a CPU in another precision."""
    words = [word for word in TINY if not word.startswith("model.")]
    outcome = call("train", *words, *LITTLE_MEMORY, f"outputs={tmp_path / 'outputs'}")
    assert outcome.code == 0, outcome.err
    (note,) = [line for line in outcome.err.splitlines() if "rehearsal" in line]
    assert note == "fsqa: note: on the CPU the rehearsal does without: trainer.precision=bf16-mixed"
    run = find_run(next((tmp_path / "outputs").glob("*/*/status.json")).parent)
    assert run.config["trainer"]["precision"] == "16-mixed", "what was asked for is on record"

    config = rehearsed(run.config)
    model, tokenizer = load_model(run)
    assembly = assemble(config, tmp_path / "cache")
    start = dict(assemble_objective(config, assembly).model.named_parameters())
    moved = {name: (weight != start[name]) for name, weight in model.named_parameters()}
    new = tokenizer.convert_tokens_to_ids(["<QUESTION>", "<END>"])
    assert moved["transformer.wte.weight"][new].any(1).all(), "the rows of added tokens learn"
    assert not any(moved[name].any() for name in moved if name.startswith("transformer.h.0."))
    assert all(moved[name].any() for name in moved if name.startswith("transformer.h.1.") and name.endswith("weight"))
    cost = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))["cost"]
    frozen = sum(weight.numel() for name, weight in model.named_parameters() if name.startswith("transformer.h.0."))
    assert cost["parameters"] - cost["trainable_parameters"] == frozen
