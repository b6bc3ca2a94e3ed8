"""Special tokens that are added to the vocabulary: one id each, a row each, and saved with the model."""

import json
from pathlib import Path

import pytest
import torch

from fsqa.errors import InputError
from fsqa.finished import find_run, load_model
from fsqa.model.build import make_room
from tests.builders import learned, scratch
from tests.commands.lines import TINY, call
from tests.model.test_pretrained import pretrained, save

ADDED = ["<QUESTION>", "<END>"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(folder, "gpt2")
    return folder


def test_each_is_one_token_at_the_end_of_the_vocabulary(saved):
    size = len(learned())
    for source in (pretrained(saved, added_tokens=ADDED), scratch(tokenizer_path=str(saved), added_tokens=ADDED)):
        tokenizer = source.tokenizer(lambda: iter(()))
        ids = tokenizer("<QUESTION>who?<END>", add_special_tokens=False)["input_ids"]
        assert (ids[0], ids[-1], len(tokenizer)) == (size, size + 1, size + 2)
        assert tokenizer.decode(ids, skip_special_tokens=True) == "who?"
        assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1, 2)


def test_a_loaded_model_gets_rows_and_keeps_its_own(saved):
    """The new rows start near the mean of the others; the seed alone decides where; the head stays tied."""
    plain = pretrained(saved)
    old = plain.model(plain.tokenizer(lambda: iter(())), 64, seed=0).get_input_embeddings().weight
    source = pretrained(saved, added_tokens=ADDED)
    tokenizer = source.tokenizer(lambda: iter(()))
    torch.manual_seed(5)
    model = source.model(tokenizer, 64, seed=3)
    torch.manual_seed(6)
    again = source.model(tokenizer, 64, seed=3).get_input_embeddings().weight
    new = model.get_input_embeddings().weight
    assert new.shape[0] == model.config.vocab_size == len(tokenizer) == old.shape[0] + 2
    assert torch.equal(new[:-2], old)
    assert torch.equal(new, again)
    assert (new[-2:] - old.mean(0)).abs().max() < old.std()
    assert model.get_output_embeddings().weight is new


def test_rows_to_spare_are_used(learned_tokenizer):
    """Some published embeddings have more rows than their tokenizer has tokens."""
    model = scratch("qwen2").model(learned(), 64, seed=0)
    model.resize_token_embeddings(len(learned()) + 8)
    tokenizer = scratch(added_tokens=ADDED).tokenizer(lambda: iter(["who wrote emma?"]))
    assert make_room(model, tokenizer, ADDED, seed=0).get_input_embeddings().num_embeddings == len(learned()) + 8


def test_a_token_that_is_there_already_gets_no_second_id(saved):
    tokenizer = pretrained(saved, added_tokens=["<|end|>"]).tokenizer(lambda: iter(()))
    assert len(tokenizer) == len(learned())


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([" "], r"model\.added_tokens: wanted tokens without blanks around them, such as <END>, got ' '"),
        (["<A> "], r"model\.added_tokens: wanted tokens without blanks"),
        (["<A>", "<A>"], r"model\.added_tokens: '<A>' stands there twice"),
    ],
)
def test_refused(tokens, message, saved):
    for make in (scratch, lambda **changes: pretrained(saved, **changes)):
        with pytest.raises(InputError, match=message):
            make(added_tokens=tokens)


DATA = [word for word in TINY if not word.startswith("model.")]


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_they_learn_and_are_saved(saved, tmp_path, monkeypatch, tuning):
    """The whole path, from a folder without them to a run that scores as it did when it was trained."""
    monkeypatch.chdir(tmp_path)
    outcome = call(
        "train",
        *DATA,
        "model=gpt2",
        f"model.path={saved}",
        "model.added_tokens=['<QUESTION>','<END>']",
        f"tuning={tuning}",
        "prompt.segments=[{prompt:'<QUESTION>{question}<END>'},{answer:'{answer}'}]",
        "generation.max_new_tokens=4",
        "optimizer.lr=0.01",
    )
    assert outcome.code == 0, outcome.err
    run = find_run(Path(outcome.out.split("  ")[0]))
    again = call("evaluate", run.path, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == json.loads((run.path / "metrics.json").read_text())["test"]

    model, tokenizer = load_model(run)
    start = pretrained(saved, added_tokens=ADDED).model(tokenizer, 64, seed=0).get_input_embeddings().weight
    with torch.no_grad():
        rows = model.get_input_embeddings()(torch.arange(len(tokenizer)))
    moved = (rows != start).any(1)
    assert moved[tokenizer.convert_tokens_to_ids(ADDED)].all()
    assert moved[:-2].any() == (tuning == "full")
