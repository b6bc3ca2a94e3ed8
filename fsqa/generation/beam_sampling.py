"""Beam search along continuations that are drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from fsqa.errors import InputError
from fsqa.generation.beams import Beams
from fsqa.generation.sampling import check_drawing, own_numbers
from fsqa.types import Example


@dataclass(frozen=True, kw_only=True)
class BeamSampling(Beams):
    """At every step two continuations per beam are drawn from the distribution over all beams, none of them twice.

    The likeliest of the drawn go on as beams, and the likeliest whole answer is given: transformers' ``do_sample`` with
    several beams. Every question has random numbers of its own, as with :class:`~fsqa.generation.sampling.Sampling`: an
    answer depends neither on what shares its batch nor on the order, and no other random state is touched.
    """

    temperature: float
    """Log-probabilities are divided by it."""
    top_k: int | None
    """Only so many of a beam's likeliest tokens can be drawn, 2 or more; null for all."""
    top_p: float
    """Only a beam's likeliest tokens that together have this probability can be drawn, 2 or more; 1 for all."""
    seed: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_drawing(self)
        if self.num_beams < 2:
            raise InputError(
                f"generation.num_beams: wanted 2 or more, got {self.num_beams}; with one beam take generation=sampling"
            )

    def rule(self) -> dict[str, Any]:
        """Draw what the beams go on with."""
        return super().rule() | {
            "do_sample": True,
            "temperature": float(self.temperature),
            "top_k": self.top_k or 0,
            "top_p": float(self.top_p),
        }

    def chance(self, questions: Sequence[Example]) -> AbstractContextManager[Any]:
        """Let every question's beams be drawn by its own numbers."""
        from fsqa.generation.beam_draws import BeamDraws  # late: it needs torch

        return BeamDraws(own_numbers(self.seed, questions, self.max_new_tokens, 2 * self.num_beams))
