"""Learning-rate schedules with an optional warm-up."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from fsqa.errors import InputError

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


class Schedule(ABC):
    """A factor on the learning rate: up in a line during the warm-up, then as the schedule says."""

    warmup: float

    @final
    def __post_init__(self) -> None:
        warmup_steps(self.warmup, steps=1)
        self.check()

    def check(self) -> None:  # noqa: B027  # most schedules have nothing more to check
        """Raise InputError for settings of the schedule itself that cannot work."""

    @abstractmethod
    def after_warmup(self, since: int, steps: int) -> float:
        """Return the factor ``since`` steps after the warm-up (from 0), in a run of ``steps`` steps."""

    @final
    def factor(self, step: int, steps: int) -> float:
        """Return the factor for step ``step`` (from 0) of ``steps``."""
        warmup = warmup_steps(self.warmup, steps)
        if step < warmup:
            return (step + 1) / warmup
        return self.after_warmup(step - warmup, steps)

    @final
    def progress(self, since: int, steps: int) -> float:
        """Return how much of the way from the end of the warm-up (0) to the last step (1) is done."""
        return min(1.0, since / max(1, steps - warmup_steps(self.warmup, steps)))

    @final
    def __call__(self, optimizer: Optimizer, steps: int) -> LambdaLR:
        """Attach the schedule to an optimizer that will take ``steps`` steps."""
        from torch.optim.lr_scheduler import LambdaLR

        return LambdaLR(optimizer, lambda step: self.factor(step, steps))


def warmup_steps(warmup: float, steps: int) -> int:
    """Read a warm-up given in steps (1 or more) or as a share of all steps (below 1)."""
    return steps_of(warmup, steps, "scheduler.warmup")


def steps_of(value: float, steps: int, key: str) -> int:
    """Read a stretch of training given in steps (1 or more) or as a share of all steps (below 1)."""
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{key}: wanted steps (1 or more) or a share of them (below 1), got {value}")
    return int(value) if value >= 1 else round(value * steps)


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The learning rate stays as it is."""

    warmup: float

    def after_warmup(self, since: int, steps: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Linear(Schedule):
    """The learning rate falls in a line to 0."""

    warmup: float

    def after_warmup(self, since: int, steps: int) -> float:
        """Return 1 - progress."""
        return 1.0 - self.progress(since, steps)


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """The learning rate falls along half a cosine to 0."""

    warmup: float

    def after_warmup(self, since: int, steps: int) -> float:
        """Return (1 + cos(pi progress)) / 2."""
        return 0.5 * (1.0 + math.cos(math.pi * self.progress(since, steps)))
