import warnings

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from fsqa.errors import InputError
from fsqa.model.parameters import count_parameters, sum_of
from tests.builders import SIZES, tiny_model
from tests.tuning.adapters import dora, encoder, lora, trainable

OPT_350M = {
    "vocab_size": 50272,
    "hidden_size": 1024,
    "word_embed_proj_dim": 512,
    "ffn_dim": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "do_layer_norm_before": False,
}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rank": 8}, 786_432),
        ({"rank": 8, "train_head": True}, 26_525_696),
        ({"rank": 8, "targets": ["q_proj", "k_proj", "v_proj", "out_proj"]}, 1_572_864),
        ({"rank": 8, "targets": "all-linear"}, 3_563_520),
    ],
)
def test_the_real_shape_of_opt_350m(settings, expected):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model("opt", **OPT_350M))
    assert sum_of(count_parameters(model)).total == 331_196_416
    tuned = lora(**settings)(model)
    assert sum(trainable(tuned).values()) == expected
    counts = count_parameters(tuned)
    assert sum_of(counts).trainable == expected
    assert counts["adapters"].trainable == expected - (50272 * 512 if settings.get("train_head") else 0)


@pytest.mark.parametrize("architecture", SIZES)
def test_only_adapters_of_attention_learn(architecture):
    tuned = lora()(tiny_model(architecture))
    assert all("attn" in name or "attention" in name for name in trainable(tuned))
    assert all("lora_" in name for name in trainable(tuned))


@pytest.mark.parametrize("architecture", ["smollm3", "phi3"])
def test_what_peft_does_not_know_is_adapted_everywhere(architecture):
    sizes = {**SIZES["llama"], "vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **sizes))
    linear = sum(isinstance(module, nn.Linear) for module in model.modules()) - 1  # but the head
    assert len(trainable(lora()(model))) == 2 * linear


@pytest.mark.parametrize("head", ["masked", "span"])
@pytest.mark.parametrize("architecture", ["distilbert", "bert"])
def test_encoders(architecture, head):
    tuned = lora(targets="all-linear")(encoder(architecture, head))
    whole = {name for name in trainable(tuned) if "lora_" not in name}
    new_head = {f"base_model.model.qa_outputs.modules_to_save.default.{kind}" for kind in ("weight", "bias")}
    assert whole == (new_head if head == "span" else set())


def after_steps(model, ids):
    """Train a little, so that every adapter differs from its start, and return the logits."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits


@pytest.mark.parametrize("new_tokens", [(), (48, 49)], ids=["", "new tokens"])
@pytest.mark.parametrize("train_head", [False, True], ids=["", "head"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_saved_and_merged_it_is_the_same(architecture, tied, train_head, new_tokens, tmp_path):
    """What is tied stays tied, what is not does not become so, and only rows of new tokens learn."""
    sizes = {**SIZES[architecture], "vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}

    def base():
        torch.manual_seed(0)
        config = AutoConfig.for_model(architecture, **sizes, tie_word_embeddings=tied)
        return AutoModelForCausalLM.from_config(config)

    ids = torch.randint(0, 50, (2, 8), generator=torch.Generator().manual_seed(1))
    ids[:, 3] = 48
    tuned = lora(train_head=train_head)(base(), new_tokens)
    wanted = after_steps(tuned, ids)
    tuned.save_pretrained(tmp_path, save_embedding_layers=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reloaded = PeftModel.from_pretrained(base(), tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(reloaded(input_ids=ids).logits, wanted)
        merged = tuned.merge_and_unload().eval()
        torch.testing.assert_close(merged(input_ids=ids).logits, wanted, atol=1e-5, rtol=1e-5)
    embedding, head = merged.get_input_embeddings().weight, merged.get_output_embeddings().weight
    assert (embedding is head) == tied
    moved = (embedding != base().get_input_embeddings().weight).any(dim=1).nonzero().flatten().tolist()
    if not (train_head and tied):
        assert moved == list(new_tokens)
    head_moved = (head != base().get_output_embeddings().weight).any(dim=1).nonzero().flatten().tolist()
    assert head_moved == (list(range(50)) if train_head else list(new_tokens))


def test_scale():
    tuned = [lora(rank=4, alpha=8, rank_stabilized=stable)(tiny_model("gpt2")) for stable in (False, True)]
    scales = [model.base_model.model.transformer.h[0].attn.c_attn.scaling["default"] for model in tuned]
    assert scales == [2, 4]


def test_dora_learns_lengths():
    names = trainable(dora()(tiny_model("gpt2")))
    assert sum("lora_magnitude_vector" in name for name in names) == 2
    assert not any("lora_magnitude_vector" in name for name in trainable(lora()(tiny_model("gpt2"))))


def test_no_advice_from_peft(recwarn):
    lora(train_head=True)(tiny_model("gpt2"), [5])
    lora(targets="all-linear")(tiny_model("gpt2"))
    assert [str(warning.message) for warning in recwarn if "peft" in warning.filename] == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rank": 0}, "tuning.rank: wanted 1 or more, got 0"),
        ({"alpha": 0}, "tuning.alpha: wanted a number above 0, got 0"),
        ({"dropout": 1.0}, r"tuning.dropout: wanted a number in \[0, 1\), got 1.0"),
        ({"targets": []}, "wanted at least one name, all-linear, or null, got an empty list"),
    ],
)
def test_refused_at_once(changes, told):
    with pytest.raises(InputError, match=told):
        lora(**changes)


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["q_prj"], "OPTForCausalLM has no module 'q_prj'; did you mean 'q_proj'"),
        (["q_proj", "lm_head"], "'lm_head' shares its weight with the embedding, and an adapter merged into it would"),
        (["embed_tokens"], "'embed_tokens' shares its weight with the head"),
    ],
)
def test_refused_with_the_model(targets, told):
    with pytest.raises(InputError, match=told):
        lora(targets=targets)(tiny_model("opt"))


def test_a_head_of_its_own_may_be_adapted():
    names = trainable(lora(targets=["lm_head"])(tiny_model("llama")))
    assert names
    assert all("lm_head.lora_" in name for name in names)


def test_a_tied_head_of_an_encoder_with_new_tokens_is_refused():
    with pytest.raises(InputError, match=r"tuning.train_head=true: BertForMaskedLM ties its head to the embedding"):
        lora(train_head=True)(encoder("bert"), [48])


def gptj():
    sizes = {"vocab_size": 50, "n_embd": 32, "n_layer": 2, "n_head": 2, "rotary_dim": 4, "tie_word_embeddings": False}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("gptj", **sizes))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (gptj, "GPTJForCausalLM has a bias, .*; set tuning.train_head=true, or take tuning=full"),
        (lambda: encoder("bert"), "BertForMaskedLM has a bias, .*learn; take tuning=full"),
        (lambda: encoder("distilbert"), "DistilBertForMaskedLM has a bias, .*learn; take tuning=full"),
    ],
    ids=["gptj", "bert", "distilbert"],
)
def test_rows_of_new_tokens_in_a_head_with_a_bias_are_refused(model, told):
    """Peft's layer for such rows forgets the bias, and merged weights would answer otherwise."""
    with pytest.raises(InputError, match=told):
        lora(targets="all-linear")(model(), [48])


def test_a_whole_head_beside_rows_of_new_tokens_keeps_its_bias():
    tuned = lora(train_head=True)(gptj(), [48])
    assert "base_model.model.lm_head.modules_to_save.default.bias" in trainable(tuned)
