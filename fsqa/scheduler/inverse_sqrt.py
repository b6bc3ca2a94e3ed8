"""A learning rate that falls with the square root of the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fsqa.errors import InputError
from fsqa.scheduler.warmup import Schedule, warmup_steps


@dataclass(frozen=True, kw_only=True)
class InverseSqrt(Schedule):
    """The learning rate falls as one over the square root of the step, which never ends (Vaswani et al. 2017)."""

    warmup: float
    timescale: int | None

    def check(self) -> None:
        """Refuse a schedule that has no measure of time."""
        if self.timescale is None and not self.warmup:
            raise InputError("scheduler.timescale: null means as long as the warm-up, and there is none; give steps")
        if self.timescale is not None and self.timescale < 1:
            raise InputError(f"scheduler.timescale: wanted 1 step or more, or null, got {self.timescale}")

    def after_warmup(self, since: int, steps: int) -> float:
        """Return sqrt(t / (t + steps since the warm-up)); t is the timescale, or the length of the warm-up."""
        timescale = self.timescale or max(1, warmup_steps(self.warmup, steps))
        return math.sqrt(timescale / (timescale + since))
