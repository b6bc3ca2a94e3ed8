"""One figure that a run reports: its name, which way is better, and exactly how it is measured."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure that a run reports."""

    name: str
    """Key in ``metrics.json``."""
    title: str
    """What a table calls it."""
    better: Better | None
    """Which way is better; ``None`` where neither is."""
    percent: bool
    """Whether the value is a fraction in 0..1 that is shown in per cent."""
    protocol: str
    """How it is measured, in one sentence."""
    column: str = ""
    """The column of ``predictions.jsonl`` it is a mean of; empty where it is no mean over examples."""
    weight: str = ""
    """The column that weighs the examples of that mean; empty where all weigh the same."""
