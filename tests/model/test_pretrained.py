import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from fsqa.errors import InputError
from fsqa.model.pretrained import Pretrained
from fsqa.model.tokenizer import learn_tokenizer, tokenizer_key
from tests.builders import SIZES, learned, scratch


def pretrained(path, **changes):
    settings = {
        "path": str(path),
        "start": "pretrained",
        "revision": None,
        "architecture": None,
        "published": {},
        "tokenizer_path": None,
        "added_tokens": [],
        "dtype": "float32",
        "attention": None,
        "gradient_checkpointing": False,
        "compile": False,
    }
    return Pretrained(**{**settings, **changes})


def save(folder, architecture="gpt_neo"):
    tokenizer = learned()
    model = scratch(architecture).model(tokenizer, 64, seed=1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(folder)
    return folder


@pytest.fixture
def copied(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def load(source):
    tokenizer = source.tokenizer(lambda: iter(()))
    return source.model(tokenizer, 64, seed=0), tokenizer


@pytest.mark.parametrize("architecture", SIZES)
def test_saved_model_computes_the_same(tmp_path, architecture):
    model = save(tmp_path / "model", architecture).eval()
    again, tokenizer = load(pretrained(tmp_path / "model"))
    assert tokenizer_key(tokenizer) == tokenizer_key(learned())
    ids = torch.tensor([tokenizer("who wrote emma?")["input_ids"]])
    with torch.no_grad():
        assert torch.equal(again.eval()(input_ids=ids).logits, model(input_ids=ids).logits)
    settings = again.generation_config
    assert (settings.bos_token_id, settings.eos_token_id, settings.pad_token_id) == (0, 1, 2)


def test_a_loaded_model_is_ready_to_train_like_a_fresh_one(saved):
    """Dropout is on: transformers hands out models in eval mode, and the Trainer leaves the mode as it is."""
    model, _ = load(pretrained(saved))
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("place", ["missing", "./missing", "a/b/c"])
def test_missing_folder_is_refused(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / place if place == "missing" else place
    with pytest.raises(InputError, match=rf"model\.path: no folder {(tmp_path / place).resolve()}"):
        pretrained(path)


@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ("config.json", r"model\.path: no config\.json in {folder}"),
        ("model.safetensors", r"model\.path: no weights in {folder}; wanted model\.safetensors"),
    ],
)
def test_folder_that_lacks_a_part_is_refused(copied, lacking, message):
    (copied / lacking).unlink()
    with pytest.raises(InputError, match=message.format(folder=copied.resolve())):
        pretrained(copied)


def test_a_finished_run_in_place_of_its_model_is_refused(copied):
    with pytest.raises(InputError, match=rf"no config\.json in .*; it is a run, and its model is in .*{copied.name}$"):
        pretrained(copied.parent)
    (copied / "config.json").rename(copied / "adapter_config.json")
    with pytest.raises(InputError, match=r"it holds an adapter; merge it into its base with fsqa export RUN --format"):
        pretrained(copied)


def test_folder_without_a_tokenizer_is_refused_unless_one_is_named(copied, saved):
    for file in copied.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(InputError, match=rf"no tokenizer in {copied.resolve()}; wanted tokenizer\.json"):
        pretrained(copied).tokenizer(lambda: iter(()))
    model, tokenizer = load(pretrained(copied, tokenizer_path=str(saved)))
    assert len(tokenizer) == model.get_input_embeddings().num_embeddings


def test_file_in_place_of_a_folder_is_refused(saved):
    with pytest.raises(InputError, match=r"model\.path: no folder .*config\.json"):
        pretrained(saved / "config.json")


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(100)], ids=["empty", "garbage", "zeros"])
def test_broken_weights_are_refused(copied, content):
    (copied / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.path: cannot load"):
        load(pretrained(copied))


def test_weights_of_another_size_are_refused(copied):
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "hidden_size": 64}))
    with pytest.raises(InputError, match=r"model\.path: cannot load"):
        load(pretrained(copied))


@pytest.mark.parametrize("content", ["{not json", "{}", '{"model_type": "no_such_thing"}'])
def test_broken_config_is_refused(copied, content):
    (copied / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"model\.path: cannot load|cannot load the tokenizer"):
        load(pretrained(copied))


def test_weights_that_lack_tensors_are_refused(copied):
    """A model with some random weights would train and score as if nothing were wrong."""
    tensors = load_file(copied / "model.safetensors")
    lost = sorted(tensors)[0]
    del tensors[lost]
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"model\.path: "):
        load(pretrained(copied))


def test_foreign_tokenizer_with_more_tokens_than_the_model_is_refused(saved, tmp_path):
    words = [f"{first}{second}{third}" for first in "abcdef" for second in "ghijkl" for third in "mnopqr"]
    learn_tokenizer(iter([" ".join(words)] * 3), 400).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="use the tokenizer the model was made with"):
        load(pretrained(saved, tokenizer_path=str(tmp_path)))


def test_unknown_hub_id_is_refused_without_the_network(learned_tokenizer):
    source = pretrained("nobody/nothing")
    with pytest.raises(InputError, match=r"model\.path: cannot load 'nobody/nothing'"):
        source.model(learned_tokenizer, 64, seed=0)


@pytest.mark.parametrize("architecture", SIZES)
def test_shrunk_is_a_tiny_random_model_of_the_same_architecture(tmp_path, architecture, learned_tokenizer):
    model = save(tmp_path / "model", architecture)
    tiny = pretrained(tmp_path / "model").shrunk().model(learned_tokenizer, 64, seed=0)
    assert type(tiny) is type(model)
    assert tiny.config.tie_word_embeddings == model.config.tie_word_embeddings


def test_hub_id_is_rehearsed_by_its_architecture(learned_tokenizer):
    tiny = pretrained("nobody/nothing", architecture="gpt2").shrunk().model(learned_tokenizer, 64, seed=0)
    assert tiny.config.model_type == "gpt2"
    with pytest.raises(InputError, match=r"rehearse: set model\.architecture"):
        pretrained("nobody/nothing").shrunk()


def test_a_random_start_has_the_size_of_the_folder_and_needs_no_weights(saved, copied):
    (copied / "model.safetensors").unlink()
    source = pretrained(copied, start="random", published={"hidden_size": 9999})
    tokenizer = source.tokenizer(lambda: iter(()))
    one, again, other = (source.model(tokenizer, 64, seed=seed) for seed in (1, 1, 2))
    real, _ = load(pretrained(saved))
    shapes = {name: tuple(weight.shape) for name, weight in real.state_dict().items()}
    assert {name: tuple(weight.shape) for name, weight in one.state_dict().items()} == shapes
    first = one.get_input_embeddings().weight
    assert torch.equal(first, again.get_input_embeddings().weight)
    assert not torch.equal(first, other.get_input_embeddings().weight)


def test_a_random_start_keeps_all_rows_of_the_published_vocabulary(learned_tokenizer):
    """The real size is the point; a smaller tokenizer leaves rows unused."""
    published = {"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 1000}
    source = pretrained("nobody/nothing", architecture="gpt2", published=published, start="random")
    model = source.model(learned_tokenizer, 64, seed=0)
    assert model.get_input_embeddings().num_embeddings == 1000
    small = pretrained("nobody/nothing", architecture="gpt2", published={**published, "vocab_size": 9}, start="random")
    assert small.model(learned_tokenizer, 64, seed=0).config.vocab_size == len(learned_tokenizer)


def test_a_random_start_of_a_hub_id_needs_to_know_its_architecture():
    with pytest.raises(InputError, match=r"model\.start=random: set model\.architecture and model\.published"):
        pretrained("nobody/nothing", start="random")
    source = pretrained("nobody/nothing", start="random", architecture="gpt2", published={"n_layers": 2})
    with pytest.raises(InputError, match=r"model\.published\.n_layers: gpt2 has no such setting; .*'n_layer'"):
        source.model(learned(), 64, seed=0)


def test_real_weights_give_their_known_nll(shared):
    golden = json.loads((shared / "models" / "golden.json").read_text())["tinystories-656k"]
    source = pretrained(shared / "models" / "tinystories-656k")
    model, tokenizer = load(source)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)
    for case in golden["mean_nll"]:
        ids = torch.tensor([case["ids"]])
        with torch.no_grad():
            logits = model.eval()(input_ids=ids).logits[0, :-1]
        assert torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item() == pytest.approx(case["nll"], abs=1e-4)
    with torch.no_grad():
        first = model(input_ids=torch.tensor([golden["prompt_ids"]])).logits[0, -1]
    assert first[: len(golden["first_step_logits"])].tolist() == pytest.approx(golden["first_step_logits"], abs=1e-4)
