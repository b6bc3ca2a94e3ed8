"""Sampling: the next token is drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsqa.errors import InputError
from fsqa.generation.autoregressive import Autoregressive, check_above_zero, repetition
from fsqa.generation.base import check_positive
from fsqa.types import Example

if TYPE_CHECKING:
    from torch import Tensor

    from fsqa.generation.beam_sampling import BeamSampling


@dataclass(frozen=True, kw_only=True)
class Sampling(Autoregressive):
    """The next token is drawn from the model's distribution, sharpened and cut as asked for.

    Every question has random numbers of its own, made of ``seed`` and the question's tokens: an answer depends neither
    on what shares its batch nor on the order, and no other random state is touched.
    """

    temperature: float
    """Logits are divided by it."""
    top_k: int | None
    """Only so many of the likeliest tokens can be drawn; null for all."""
    top_p: float
    """Only the likeliest tokens that together have this probability can be drawn; 1 for all."""
    repetition_penalty: float
    """Logits of tokens the answer holds already are divided by it, negative ones multiplied; 1 for none."""
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_above_zero(self, "repetition_penalty")
        check_drawing(self)

    def rule(self) -> dict[str, Any]:
        """Take the one token that the last processor has drawn."""
        return {"do_sample": False, "num_beams": 1}

    def for_clients(self) -> dict[str, Any]:
        """Return the same distribution; another program draws other random numbers."""
        return {
            **self.limits(),
            "do_sample": True,
            "temperature": float(self.temperature),
            "top_k": self.top_k or 0,
            "top_p": float(self.top_p),
        }

    def processors(self, questions: Sequence[Example], width: int) -> list[Any]:
        """Penalise, sharpen, cut, draw: in the order of transformers."""
        from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

        return [
            *repetition(self.repetition_penalty, width),
            *([TemperatureLogitsWarper(float(self.temperature))] if self.temperature != 1 else []),
            *([TopKLogitsWarper(self.top_k)] if self.top_k is not None else []),
            *([TopPLogitsWarper(float(self.top_p))] if self.top_p < 1 else []),
            Draw(own_numbers(self.seed, questions, self.max_new_tokens), width),
        ]


def check_drawing(generation: Sampling | BeamSampling) -> None:
    """Raise InputError for a temperature, a cut or a seed by which nothing could be drawn."""
    check_above_zero(generation, "temperature")
    if generation.top_k is not None:
        check_positive(generation, "top_k")
    if not 0 < generation.top_p <= 1:
        raise InputError(f"generation.top_p: wanted a number above 0 and at most 1, got {generation.top_p}")
    if generation.seed < 0:
        raise InputError(f"generation.seed: wanted 0 or more, got {generation.seed}")


def own_numbers(seed: int, questions: Sequence[Example], *shape: int) -> Tensor:
    """Return random numbers in [0, 1) of shape [question, *shape], made of the seed and each question's tokens."""
    import numpy as np
    import torch

    numbers = [np.random.default_rng([seed, *question.ids.tolist()]).random(shape) for question in questions]
    return torch.from_numpy(np.stack(numbers))


class Draw:
    """Draws the next token of every row by inverse transform sampling.

    It is the first whose cumulative probability is above the row's random number; all others become impossible.
    """

    def __init__(self, numbers: Tensor, width: int) -> None:
        """Take numbers in [0, 1), of shape (row, new token), and the length of the padded questions."""
        self.numbers, self.width = numbers, width

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """Return 0 for the drawn token of each row and minus infinity for all others."""
        import torch

        step = ids.shape[1] - self.width
        cumulative = scores.double().softmax(-1).cumsum(-1)
        marks = self.numbers[:, step, None].to(scores.device) * cumulative[:, -1:]
        drawn = torch.searchsorted(cumulative, marks, right=True).clamp_(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn, 0.0)
