import pytest
import torch

from fsqa.model.parameters import count_parameters, sum_of
from fsqa.model.source import Wanted
from tests.builders import characters, scratch, tiny_model
from tests.tuning.adapters import qlora, trainable


def quantized(architecture: str, tuning):
    return scratch(architecture).model(characters(), 64, 0, Wanted(quantization=tuning.quantization))


@pytest.mark.parametrize("bits", ["nf4", "int8"])
@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neo", "llama", "opt"])
def test_random_starts_train(architecture, bits):
    tuning = qlora(bits=bits, targets="all-linear")
    model = tuning(quantized(architecture, tuning))
    before = {name: value.clone() for name, value in model.named_parameters()}
    ids = torch.randint(3, 50, (2, 8), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    first = model(input_ids=ids, labels=ids).loss
    for _ in range(5):
        optimizer.zero_grad()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
    assert loss < first
    assert all(name in trainable(model) or torch.equal(value, before[name]) for name, value in model.named_parameters())


@pytest.mark.parametrize("bits", ["nf4", "int8"])
def test_weights_are_counted_as_many_as_they_are(bits):
    tuning = qlora(bits=bits)
    model = quantized("gpt2", tuning)
    stored = sum(parameter.numel() for parameter in model.parameters())
    whole = sum(parameter.numel() for parameter in tiny_model("gpt2").parameters())
    assert sum_of(count_parameters(model)).total == whole
    assert (stored < whole) == (bits == "nf4")


def test_answers_leave_the_weights_as_they_are():
    """On some CPUs bitsandbytes rearranges 4-bit weights at the first answer."""
    model = quantized("llama", qlora()).eval()
    before = {name: value.clone() for name, value in model.named_parameters()}
    with torch.inference_mode():
        model(input_ids=torch.arange(8)[None])
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
