"""From turns to standings: rates, ratios to the base round by round, and the share of the machine that was used."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.turns import Turn


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A median with what it lies between."""

    median: float
    quartiles: tuple[float, float]
    extremes: tuple[float, float]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of one value or more."""
        quarters = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
        return cls(
            median=statistics.median(values),
            quartiles=(quarters[0], quarters[2]),
            extremes=(min(values), max(values)),
        )

    @property
    def told(self) -> str:
        """Return the extremes as text."""
        low, high = self.extremes
        return f"{low:.2f} to {high:.2f}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one contestant did."""

    seconds_per_step: Spread
    examples_per_second: Spread
    tokens_per_second: Spread
    """Real tokens."""
    real_share: float
    """Real tokens among the places that were computed."""
    behind: Spread
    """The base's real tokens a second divided by this one's, round by round: how many times faster the base is."""
    behind_by_cpu: Spread
    """The same by time on the processor, which others on the machine disturb less."""
    utilisation: Spread
    """Operations that the batches need, over time and the best rate of matrix products in the same run."""
    peak_mb: float
    device_peak_mb: float
    first_loss: float
    last_loss: float

    def values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def standing(turns: Sequence[Turn], base: Sequence[Turn], flops: Sequence[float], gemm_flops: float) -> Standing:
    """Compare turns with the base's of the same rounds.

    ``flops`` are the operations that each turn's batches need, ``gemm_flops`` operations a second at best.
    """
    places = sum(turn.counts.positions for turn in turns)
    return Standing(
        seconds_per_step=Spread.of([turn.seconds / turn.steps for turn in turns]),
        examples_per_second=Spread.of([turn.counts.examples / turn.seconds for turn in turns]),
        tokens_per_second=Spread.of([_rate(turn) for turn in turns]),
        real_share=sum(turn.counts.tokens for turn in turns) / places,
        behind=Spread.of([_rate(first) / _rate(own) for first, own in zip(base, turns, strict=True)]),
        behind_by_cpu=Spread.of([_cpu_rate(first) / _cpu_rate(own) for first, own in zip(base, turns, strict=True)]),
        utilisation=Spread.of([need / turn.seconds / gemm_flops for need, turn in zip(flops, turns, strict=True)]),
        peak_mb=max(turn.peak_mb for turn in turns),
        device_peak_mb=max(turn.device_peak_mb for turn in turns),
        first_loss=turns[0].first_loss,
        last_loss=turns[-1].loss,
    )


def _rate(turn: Turn) -> float:
    return turn.counts.tokens / turn.seconds


def _cpu_rate(turn: Turn) -> float:
    return turn.counts.tokens / turn.cpu_seconds
