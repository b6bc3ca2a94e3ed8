import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from fsqa.model.depth import blocks
from fsqa.speed.last_block import last_feed_forward, only_at
from tests.builders import batch
from tests.speed.architectures import DIFFERENT, small

ROWS = batch("ppppaae", "ppae")
LEFT_ALONE = {"bloom", "opt_after", "opt_before"}


@pytest.mark.parametrize("architecture", DIFFERENT)
def test_which_architectures_have_such_a_part(architecture):
    assert (last_feed_forward(small(architecture)) is None) == (architecture in LEFT_ALONE)


def test_it_runs_on_what_counts_alone():
    model = small("gpt2")
    seen = []
    last_feed_forward(model).c_fc.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    chosen = torch.zeros(ROWS.ids.shape, dtype=torch.bool)
    chosen[0, 3:6], chosen[1, 1] = True, True
    with only_at(last_feed_forward(model), chosen):
        cut = model(input_ids=ROWS.ids).logits
    full = model(input_ids=ROWS.ids).logits
    assert [shape[:-1] for shape in seen] == [(1, 4), tuple(ROWS.ids.shape)]
    torch.testing.assert_close(cut[chosen], full[chosen])
    assert not torch.allclose(cut[~chosen], full[~chosen])


def test_it_is_whole_again_after_an_error():
    model = small("gpt2")
    expected = model(input_ids=ROWS.ids).logits
    with pytest.raises(RuntimeError, match="on purpose"), only_at(last_feed_forward(model), ROWS.ids > 0):
        raise RuntimeError("on purpose")
    assert torch.equal(model(input_ids=ROWS.ids).logits, expected)


def test_blocks_computed_again_in_the_backward_pass_are_left_alone():
    model = small("gpt2").train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert last_feed_forward(model) is None


@pytest.mark.parametrize("architecture", ["gpt_oss", "mixtral", "qwen3_moe"])
def test_mixtures_of_experts_are_left_alone(architecture):
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    experts = {"num_local_experts": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 70, "pad_token_id": 2}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **sizes, **experts))
    assert last_feed_forward(model) is None


def test_compiled_blocks_are_left_alone():
    model = small("gpt2")
    blocks(model)[-1].compile()
    assert last_feed_forward(model) is None


def test_without_such_a_part_nothing_changes():
    model = small("opt_before")
    expected = model(input_ids=ROWS.ids).logits
    with only_at(None, ROWS.ids > 50):
        assert torch.equal(model(input_ids=ROWS.ids).logits, expected)
