"""Random draws of which every row has its own, in place of those that torch makes for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.overrides import TorchFunctionMode


class BeamDraws(TorchFunctionMode):
    """While it is entered, ``torch.multinomial`` draws by given numbers; one call after the other is one step.

    Beam search in transformers draws by that function alone, and its generator is one for all rows of a batch.
    """

    def __init__(self, numbers: Float[Tensor, "row step draw"]) -> None:
        """Take numbers in [0, 1)."""
        super().__init__()
        self.steps = iter(numbers.unbind(1))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Leave every other function as it is."""
        if func is not torch.multinomial:
            return func(*args, **(kwargs or {}))
        return self._multinomial(*args, **(kwargs or {}))

    def _multinomial(self, weights: Tensor, num_samples: int) -> Tensor:
        numbers = next(self.steps).to(weights.device)
        assert num_samples == numbers.shape[1], "a number for every draw"
        return distinct(weights.double(), numbers)


def distinct(weights: Float[Tensor, "row item"], numbers: Float[Tensor, "row draw"]) -> Int[Tensor, "row draw"]:
    """Draw items of each row without replacement, one after the other, by inverse transform sampling.

    Each is the first whose cumulative weight, among those not yet drawn, is above the number's share of the sum: the
    distribution of ``torch.multinomial``. Where only items without weight are left, they are all alike.
    """
    weights, left, drawn = weights.clone(), torch.ones_like(weights), []
    for number in numbers.unbind(1):
        cumulative = weights.cumsum(-1)
        if (none_left := cumulative[:, -1:] == 0).any():
            cumulative = torch.where(none_left, left.cumsum(-1), cumulative)
        chosen = torch.searchsorted(cumulative, number[:, None] * cumulative[:, -1:], right=True)
        drawn.append(chosen.clamp_(max=weights.shape[-1] - 1))
        weights.scatter_(1, drawn[-1], 0.0)
        left.scatter_(1, drawn[-1], 0.0)
    return torch.cat(drawn, dim=1)
