import random

import numpy as np
import pytest
import torch
import yaml

from fsqa.errors import InputError
from fsqa.model.build import architecture_config
from fsqa.model.shrink import TINY_VOCABULARY, shrunk_sizes
from tests.builders import CONF, SIZES, configured, learned, scratch


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("architecture", SIZES)
def test_the_seed_alone_decides_the_weights(architecture, learned_tokenizer):
    source = scratch(architecture)
    torch.manual_seed(1)
    one = weights(source.model(learned_tokenizer, 64, seed=3))
    torch.manual_seed(2)
    assert torch.equal(weights(source.model(learned_tokenizer, 64, seed=3)), one)
    assert not torch.equal(weights(source.model(learned_tokenizer, 64, seed=4)), one)


def test_random_states_are_left_alone(learned_tokenizer):
    torch.manual_seed(1)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    scratch().model(learned_tokenizer, 64, seed=3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


@pytest.mark.parametrize("architecture", SIZES)
def test_the_model_fits_the_tokenizer(architecture, learned_tokenizer):
    model = scratch(architecture).model(learned_tokenizer, 64, seed=0)
    assert model.get_input_embeddings().num_embeddings == len(learned_tokenizer)
    settings = model.generation_config
    assert (settings.bos_token_id, settings.eos_token_id, settings.pad_token_id) == (0, 1, 2)
    assert model.config.model_type == architecture
    assert model.training


@pytest.mark.parametrize("architecture", SIZES)
def test_every_token_but_the_filler_has_an_embedding_that_learns(architecture, learned_tokenizer):
    """An architecture whose config fixes the id of the filler must not freeze a real token."""
    embeddings = scratch(architecture).model(learned_tokenizer, 64, seed=0).get_input_embeddings()
    assert embeddings.padding_idx in (None, learned_tokenizer.pad_token_id)


def test_unnamed_sizes_keep_their_defaults(learned_tokenizer):
    config = scratch("gpt2", size={"n_layer": 1, "n_embd": 24, "n_head": 2}).model(learned_tokenizer, 64, 0).config
    assert (config.n_layer, config.n_embd, config.n_positions, config.activation_function) == (1, 24, 1024, "gelu_new")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtype(learned_tokenizer, dtype):
    model = scratch(dtype=dtype).model(learned_tokenizer, 64, 0)
    assert {parameter.dtype for parameter in model.parameters()} == {getattr(torch, dtype)}


def test_attention_and_gradient_checkpointing(learned_tokenizer):
    model = scratch("llama", attention="eager", gradient_checkpointing=True).model(learned_tokenizer, 64, 0)
    assert model.config._attn_implementation == "eager"
    assert model.is_gradient_checkpointing


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"architecture": "gpt_noe"},
            r"model\.architecture: no architecture named 'gpt_noe' .*did you mean 'gpt_neo'\?",
        ),
        (
            {"architecture": "gpt2", "size": {"n_layers": 2}},
            r"model\.size\.n_layers: gpt2 has no such setting; did you mean 'n_layer'\?",
        ),
        ({"dtype": "float23"}, r"model\.dtype: wanted one of .*, got 'float23'; did you mean 'float32'\?"),
        (
            {"size": {"num_layers": 3, "attention_types": [[["global", "local"], 1]]}},
            r"model\.size: gpt_neo refuses these sizes",
        ),
    ],
)
def test_refused(learned_tokenizer, changes, message):
    with pytest.raises(InputError, match=message):
        scratch(**changes).model(learned_tokenizer, 64, 0)


def test_more_tokens_than_positions_are_refused(learned_tokenizer):
    with pytest.raises(InputError, match="max_length=65 is more than the model's 64 positions"):
        scratch().model(learned_tokenizer, 65, 0)


def test_tokenizer_is_learned_from_the_texts():
    source = scratch(vocabulary=300)
    tokenizer = source.tokenizer(lambda: iter(["banana banana banana"] * 3))
    assert len(tokenizer("banana")["input_ids"]) < len("banana")
    assert len(tokenizer) <= 300


def test_tokenizer_can_be_read_instead(tmp_path):
    saved = learned()
    saved.save_pretrained(tmp_path)
    tokenizer = scratch(tokenizer_path=str(tmp_path)).tokenizer(lambda: iter(()))
    assert tokenizer.get_vocab() == saved.get_vocab()


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "gpt_neo", "size": {"attention_types": [[["global", "local"], 6]], "num_layers": 12}},
        {"architecture": "gpt2", "size": {"activation_function": "relu", "tie_word_embeddings": False}},
        {"architecture": "llama", "size": {"hidden_act": "gelu", "tie_word_embeddings": True}},
        {"architecture": "opt", "size": {"activation_function": "gelu", "do_layer_norm_before": False}},
        {"architecture": "gpt_neox", "size": {"use_parallel_residual": False}},
        {"architecture": "qwen2", "size": {"rms_norm_eps": 1e-5}},
    ],
    ids=lambda settings: settings["architecture"],
)
def test_shrunk_is_tiny_and_keeps_every_choice(settings, learned_tokenizer):
    tiny = scratch(**settings, vocabulary=50_000, attention="eager").shrunk()
    assert (tiny.architecture, tiny.vocabulary, tiny.attention) == (settings["architecture"], TINY_VOCABULARY, "eager")
    model = tiny.model(learned_tokenizer, 64, 0)
    assert model.num_parameters() < 250_000
    for name in ("activation_function", "hidden_act", "tie_word_embeddings", "do_layer_norm_before", "rms_norm_eps"):
        if name in settings["size"]:
            assert getattr(model.config, name) == settings["size"][name]
    full = architecture_config(settings["architecture"], settings["size"])
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert tied == full.tie_word_embeddings
    output = model(input_ids=torch.tensor([[0, 5, 1]])).logits
    assert output.shape == (1, 3, len(learned_tokenizer))


def test_shrunk_gpt_neo_keeps_local_and_global_attention():
    sizes = shrunk_sizes(architecture_config("gpt_neo", {}))
    assert architecture_config("gpt_neo", sizes).attention_layers == ["global", "local"]


@pytest.mark.parametrize("name", ["tiny_gpt_neo", "scratch"])
def test_files_of_conf_can_be_rehearsed(name, learned_tokenizer):
    own = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text())
    own.pop("defaults", None)
    model = configured("model", "scratch", **own).shrunk().model(learned_tokenizer, 64, 0)
    assert model.config.model_type == "gpt_neo"
    assert model.num_parameters() < 250_000
