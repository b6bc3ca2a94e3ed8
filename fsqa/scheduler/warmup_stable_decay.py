"""A learning rate that stays for most of the training and falls at its end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fsqa.errors import InputError
from fsqa.scheduler.warmup import Schedule, steps_of, warmup_steps


@dataclass(frozen=True, kw_only=True)
class WarmupStableDecay(Schedule):
    """Warm-up, a long stretch at the full rate, and a short fall to 0 (Hu et al. 2024; Hägele et al. 2024)."""

    warmup: float
    decay: float
    shape: Literal["linear", "sqrt"]

    def check(self) -> None:
        """Refuse a fall that is none or that leaves no room."""
        steps_of(self.decay, 1, "scheduler.decay")
        if not self.decay:
            raise InputError("scheduler.decay: wanted steps (1 or more) or a share of them above 0, got 0")
        if self.warmup < 1 and self.decay < 1 and self.warmup + self.decay > 1:
            raise InputError(
                f"scheduler: warmup={self.warmup} and decay={self.decay} are more than all steps; lower one of them"
            )

    def after_warmup(self, since: int, steps: int) -> float:
        """Return 1, and from the start of the fall 1 - p or 1 - sqrt(p), where p goes from 0 to 1 at the last step."""
        after = steps - warmup_steps(self.warmup, steps)
        falling = min(steps_of(self.decay, steps, "scheduler.decay"), max(1, after))
        fallen = min(1.0, max(0.0, (since - (after - falling)) / max(1, falling)))
        return 1.0 - (math.sqrt(fallen) if self.shape == "sqrt" else fallen)
