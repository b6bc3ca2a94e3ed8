import copy

import pytest
import torch

from fsqa.errors import InputError
from fsqa.objective.frozen import check_belongs, frozen_key, learned_state, trainable_names, weights_key
from tests.builders import tiny_model
from tests.tuning.adapters import lora


def test_only_what_learns():
    model = lora(train_head=True)(tiny_model("gpt2"))
    state = learned_state(model, model.state_dict())
    assert set(state) == trainable_names(model)
    assert all("lora_" in name or "modules_to_save" in name for name in state)
    tied = [name for name in state if "modules_to_save" in name]
    assert len(tied) == 2
    assert state[tied[0]].data_ptr() == state[tied[1]].data_ptr()


def test_everything_of_a_model_that_learns_as_a_whole():
    model = tiny_model("gpt2")
    assert set(learned_state(model, model.state_dict())) == set(model.state_dict())


def test_the_key_tells_frozen_weights_apart():
    model = lora()(tiny_model("gpt2"))
    key = frozen_key(model)
    with torch.no_grad():
        model.base_model.model.transformer.h[0].attn.c_attn.lora_A["default"].weight.add_(1)
    assert frozen_key(model) == key, "what learns does not matter"
    assert frozen_key(lora()(tiny_model("gpt2"))) == key
    other = copy.deepcopy(model)
    with torch.no_grad():
        weight = other.base_model.model.transformer.h[0].ln_1.weight
        weight[0] = torch.nextafter(weight[0], torch.tensor(9.0))
    assert frozen_key(other) != key, "one bit is enough"
    assert frozen_key(model.bfloat16()) != key


def test_a_model_with_untrained_adapters_is_the_model_itself():
    """Bit for bit, whatever the adapters' random halves are; so both have one key."""
    model = tiny_model("gpt2").eval()
    key, ids = weights_key(model), torch.arange(12)[None]
    with torch.no_grad():
        logits = model(input_ids=ids).logits
        for seed, changes in enumerate(({}, {"rank": 2, "targets": "all-linear"}, {"train_head": True})):
            torch.manual_seed(seed)
            tuned = lora(**changes)(tiny_model("gpt2")).eval()
            assert weights_key(tuned) == key
            assert torch.equal(tuned(input_ids=ids).logits, logits)
        half = next(weight for name, weight in tuned.named_parameters() if "lora_B" in name)
        half[0, 0] = 1e-30
    assert weights_key(tuned) != key, "adapters that have learned make another model"
    assert weights_key(tiny_model("gpt2", seed=1)) != key
    assert weights_key(tiny_model("gpt2").bfloat16()) != key


def test_a_checkpoint_of_something_else():
    model = lora()(tiny_model("gpt2"))
    state, key = learned_state(model, model.state_dict()), frozen_key(model)
    check_belongs(model, {"state_dict": state, "frozen_key": key}, key)
    with pytest.raises(InputError, match="it was trained over other frozen weights than the model has now"):
        check_belongs(model, {"state_dict": state, "frozen_key": "other"}, key)
    name = min(state)
    with pytest.raises(InputError, match=f"1 of the weights to train are not in it, the first '{name}'"):
        check_belongs(model, {"state_dict": {n: v for n, v in state.items() if n != name}, "frozen_key": key}, key)
