import copy

import pytest
import torch
from torch import nn

from fsqa.speed.clipping import fold_clipping, folds_scale

MAKERS = {
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.05, fused=True),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.05, fused=True),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9, fused=True),
}


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 3)).double()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("size", [1e-3, 30.0])
def test_steps_are_those_of_clipped_gradients(make, size):
    """Steps with a norm below the limit, which are not scaled, and above it."""
    plain = model()
    folded = copy.deepcopy(plain)
    optimizers = [make(each.parameters()) for each in (plain, folded)]
    for number in range(4):
        rows = torch.randn(5, 6, generator=torch.Generator().manual_seed(number), dtype=torch.float64) * size
        for each in (plain, folded):
            each.zero_grad()
            each(rows).square().sum().backward()
        expected = nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        norm = fold_clipping(optimizers[1], list(folded.parameters()), 0.5)
        assert norm.item() == pytest.approx(expected.item(), rel=1e-6)
        for optimizer in optimizers:
            optimizer.step()
        for left, right in zip(folded.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-6, atol=1e-8)  # the scale is a float32


def test_which_optimizers_can():
    weights = [nn.Parameter(torch.ones(2))]
    assert folds_scale(torch.optim.AdamW(weights, fused=True))
    assert not folds_scale(torch.optim.AdamW(weights))
    assert not folds_scale(torch.optim.Adafactor(weights))
