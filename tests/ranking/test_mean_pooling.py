import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from fsqa.errors import InputError
from fsqa.ranking import MeanPooling
from tests.builders import characters

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
TEXTS = ["who wrote it", "a", "a much longer text about nothing", "who wrote it", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random encoder whose tokens are characters."""
    folder, tokenizer = tmp_path_factory.mktemp("encoder"), characters()
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer), **SIZES), add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ranker(folder, **changes) -> MeanPooling:
    return MeanPooling(
        **{"path": str(folder), "revision": None, "max_length": 32, "batch_size": 2, "device": "cpu", **changes}
    )


def test_vectors_are_means_of_the_last_states_without_filler(folder):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    found = ranker(folder).embed(TEXTS)
    for text, vector in zip(TEXTS[:4], found, strict=False):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        assert vector == pytest.approx(states[0].mean(dim=0).numpy(), abs=1e-5)
    assert not found[4].any(), "no token, no state"


def test_the_batch_changes_nothing_but_speed(folder):
    wanted = ranker(folder).vectors(TEXTS)
    for size in (1, 3, 16):
        assert ranker(folder, batch_size=size).vectors(TEXTS) == pytest.approx(wanted, abs=1e-5)
    assert np.linalg.norm(wanted, axis=1) == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert (wanted[0] == wanted[3]).all()


def test_longer_texts_are_cut(folder):
    cut = ranker(folder, max_length=5)
    assert (cut.embed(["who wrote it"]) == cut.embed(["who w"])).all()


def test_what_cannot_be_loaded(folder, tmp_path):
    with pytest.raises(InputError, match=r"cannot load '.*' to rank with: .*; name a folder with config\.json"):
        ranker(tmp_path).vectors(["a"])
    with pytest.raises(InputError, match=r"device: cannot use 'nowhere': .*; set device=cpu"):
        ranker(folder, device="nowhere").vectors(["a"])


def test_weights_that_are_lacking_are_not_drawn_at_random(folder, tmp_path):
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    model = AutoModel.from_pretrained(folder)
    state = {name: tensor for name, tensor in model.state_dict().items() if "layer.1" not in name}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(InputError, match=r"lack \d+ tensors of BertModel, the first 'encoder\.layer\.1\."):
        ranker(tmp_path).vectors(["a"])


@pytest.mark.parametrize("name", ["max_length", "batch_size"])
def test_bad_settings(folder, name):
    with pytest.raises(InputError, match=f"MeanPooling.{name}: wanted 1 or more, came 0"):
        ranker(folder, **{name: 0})
