"""Beam search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fsqa.errors import InputError
from fsqa.generation.autoregressive import Autoregressive, check_above_zero, repetition
from fsqa.generation.base import check_positive
from fsqa.types import Example


@dataclass(frozen=True, kw_only=True)
class Beams(Autoregressive):
    """The likeliest of the whole answers that a search along several beginnings at once finds."""

    num_beams: int
    """Beginnings that are kept at every step."""
    length_penalty: float
    """An answer's log-likelihood is divided by its length to this power."""
    early_stopping: bool | Literal["never"]
    """When to stop: true as soon as there are as many whole answers as beams, false when none better is likely, never
    when none better is possible."""
    repetition_penalty: float
    """Logits of tokens the answer holds already are divided by it, negative ones multiplied; 1 for none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "num_beams")
        check_above_zero(self, "repetition_penalty")
        if not math.isfinite(self.length_penalty):
            raise InputError(f"generation.length_penalty: wanted a finite number, got {self.length_penalty}")

    def rule(self) -> dict[str, Any]:
        """Search without chance; one beam is greedy decoding."""
        one = {"do_sample": False, "num_beams": self.num_beams}
        several = {"length_penalty": float(self.length_penalty), "early_stopping": self.early_stopping}
        return one | several if self.num_beams > 1 else one

    def processors(self, questions: Sequence[Example], width: int) -> list[Any]:
        """Penalise what the answer holds already."""
        return repetition(self.repetition_penalty, width)
