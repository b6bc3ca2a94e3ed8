import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from fsqa.loss.chunked_kl import Projection
from fsqa.model.head import head_at, hidden_at, plain_head
from tests.builders import SIZES, apart, configured, gradient

LLAMA = SIZES["llama"]
PLAIN = {
    **{name: {**size, "tie_word_embeddings": name != "gpt_neox"} for name, size in SIZES.items()},
    "gptj": {"n_embd": 32, "n_layer": 1, "n_head": 2, "rotary_dim": 4, "n_positions": 64},
    "phi": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
    "bloom": {"hidden_size": 32, "n_layer": 1, "n_head": 2},
}
WRAPPED = {
    "gemma2": {**LLAMA, "head_dim": 8, "final_logit_softcapping": 30.0},
    "granite": {**LLAMA, "logits_scaling": 4.0},
    "cohere": {**LLAMA, "logit_scale": 0.0625},
}
TOKENS = {"vocab_size": 70, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
ENCODERS = {
    "bert": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_layers": 1, "n_heads": 2},
}


def model_of(name, size, kind=AutoModelForCausalLM, dtype=torch.float64):
    torch.manual_seed(0)
    return kind.from_config(AutoConfig.for_model(name, **size, **TOKENS)).to(dtype).eval()


def rows():
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(3, TOKENS["vocab_size"], (3, 9), generator=random)
    chosen = torch.rand(3, 9, generator=random) < 0.4
    count = int(chosen.sum())
    weights = torch.rand(count, generator=random)
    return ids, chosen, (torch.randint(70, (count,), generator=random), weights, torch.full((count,), 3))


def forward(model, ids):
    return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def whole(model, loss):
    """The loss and all gradients from logits of the whole model, chosen afterwards."""
    ids, chosen, scored = rows()
    output = loss(forward(model, ids)[chosen], *scored)
    return output, learned(model, output)


def learned(model, output):
    model.zero_grad()
    output.loss.backward()
    return gradient(model) if all(p.grad is not None for p in model.parameters()) else None


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("way", ["consumed", "chunks"])
def test_loss_and_gradients_are_those_of_the_whole_model(name, way):
    model, loss = model_of(name, PLAIN[name]), configured("loss", "all")
    ids, chosen, scored = rows()
    if way == "chunks":
        with hidden_at(model, chosen) as kept:
            assert forward(model, ids).shape == (0, 70)
        head = plain_head(model)
        ours = loss.from_hidden(kept[0], Projection(head.weight, head.bias), *scored, 3)
    else:
        with head_at(model, chosen):
            ours = loss(forward(model, ids), *scored, consume=True)
    gradients = learned(model, ours)
    plain, plain_gradients = whole(model, loss)
    for left, right in zip(ours, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    assert apart(gradients, plain_gradients) < 1e-12


@pytest.mark.parametrize("name", WRAPPED)
def test_a_model_that_does_something_around_its_head_has_no_plain_one(name):
    model, loss = model_of(name, WRAPPED[name]), configured("loss", "all")
    assert plain_head(model) is None
    ids, chosen, scored = rows()
    with head_at(model, chosen):
        ours = loss(forward(model, ids), *scored, consume=True)
    gradients = learned(model, ours)
    plain, plain_gradients = whole(model, loss)
    torch.testing.assert_close(ours.loss, plain.loss, rtol=1e-12, atol=1e-12)
    assert apart(gradients, plain_gradients) < 1e-12


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_that_fills_masks_has_a_plain_head(name):
    model = model_of(name, ENCODERS[name], AutoModelForMaskedLM)
    ids, chosen, _ = rows()
    head = plain_head(model)
    with torch.no_grad(), hidden_at(model, chosen) as kept:
        forward(model, ids)
    with torch.no_grad():
        expected = forward(model, ids)[chosen]
    torch.testing.assert_close(head(kept[0]), expected, rtol=1e-12, atol=1e-12)


def adapted(name="gpt2", **changes):
    return get_peft_model(model_of(name, PLAIN[name]), LoraConfig(task_type="CAUSAL_LM", r=2, **changes)).eval()


def test_a_frozen_head_under_adapters_is_plain():
    model = adapted(target_modules=["c_attn"])
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    head, loss = plain_head(model), configured("loss", "all")
    assert head is model.get_base_model().lm_head
    ids, chosen, scored = rows()
    with hidden_at(model, chosen) as kept:
        forward(model, ids)
    loss.from_hidden(kept[0], Projection(head.weight, head.bias), *scored, 2).loss.backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    loss(forward(model, ids)[chosen], *scored).loss.backward()
    plain = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert ours.keys() == plain.keys()
    for name, expected in plain.items():
        torch.testing.assert_close(ours[name], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("changes", [{"modules_to_save": ["lm_head"]}, {"target_modules": ["c_attn", "lm_head"]}])
@pytest.mark.filterwarnings("ignore")
def test_a_head_that_peft_wraps_is_not_plain(changes):
    assert plain_head(adapted(**{"target_modules": ["c_attn"], **changes})) is None


def test_looking_for_a_plain_head_leaves_no_trace():
    model = model_of("gpt2", {**PLAIN["gpt2"], "resid_pdrop": 0.5}).train()
    before, hooks = torch.get_rng_state(), dict(model.lm_head._forward_hooks)
    assert plain_head(model) is model.lm_head
    assert torch.equal(torch.get_rng_state(), before)
    assert dict(model.lm_head._forward_hooks) == hooks
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_head_of_zeros_shows_nothing():
    model = model_of("gemma2", WRAPPED["gemma2"])
    torch.nn.init.zeros_(model.lm_head.weight)
    assert plain_head(model) is None


def test_hooks_go_even_when_the_model_fails():
    model = model_of("gpt2", PLAIN["gpt2"])
    chosen = torch.ones(1, 4, dtype=torch.bool)
    for place in (head_at, hidden_at):
        with pytest.raises(IndexError), place(model, chosen):
            model(input_ids=torch.zeros(2, 3, dtype=torch.long))
        assert not model.lm_head._forward_pre_hooks
