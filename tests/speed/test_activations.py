import torch
from torch import nn
from transformers.activations import NewGELUActivation

from fsqa.speed.activations import fuse_activations
from tests.builders import characters
from tests.speed.architectures import small


def test_it_is_the_same_function():
    values = torch.linspace(-12, 12, 4801, dtype=torch.float64, requires_grad=True)
    model = nn.Sequential(NewGELUActivation())
    expected = model(values)
    (slope,) = torch.autograd.grad(expected.sum(), values)
    fuse_activations(model)
    found = model(values)
    assert isinstance(model[0], nn.GELU)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), values)[0], slope, rtol=0, atol=1e-13)


def test_what_is_saved_stays_as_it_is(tmp_path):
    model = small("gpt2")
    before = (model.config.to_dict(), list(model.state_dict()))
    fuse_activations(model)
    assert (model.config.to_dict(), list(model.state_dict())) == before
    model.save_pretrained(tmp_path)
    ids = torch.tensor([characters()("who?")["input_ids"]])
    again = type(model).from_pretrained(tmp_path).eval()
    torch.testing.assert_close(again(input_ids=ids).logits, model.eval()(input_ids=ids).logits, rtol=1e-5, atol=1e-6)


def test_other_activations_are_left_alone():
    model = nn.Sequential(nn.GELU(), nn.SiLU(), nn.ReLU())
    kept = list(model)
    fuse_activations(model)
    assert list(model) == kept
