"""How much arithmetic a training step needs, whoever does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.turns import Counts
from benchmarks.workload import WorkloadName

FORWARD_AND_BACKWARD = 6
"""Operations for each weight a token is multiplied by: two forward, two for its input's gradient, two for its own."""

FROZEN = 4
"""As above, for a weight that does not learn."""


def needed(counts: Counts, weights: Mapping[str, Any], workload: WorkloadName) -> float:
    """Return the operations that the counted batches need.

    The end token of an answer is predicted but never read, and the head is needed only where something is predicted.
    Attention between tokens, norms and activations are left out: at these lengths they are a few per cent.
    """
    each = FROZEN if workload == "lora" else FORWARD_AND_BACKWARD
    read = counts.tokens if workload == "blocks" else counts.tokens - counts.examples
    return float(each * (weights["body"] * read + weights["head"] * counts.targets))


def product_shapes(weights: Mapping[str, Any], counts: Counts, steps: int) -> list[tuple[int, int, int]]:
    """Return rows, inner size and columns of the products of one forward step: one of each shape, then the head."""
    read, predicted = max(1, counts.tokens // steps), max(1, counts.targets // steps)
    return [*((read, inner, columns) for inner, columns in weights["matrices"]), (predicted, *weights["head_matrix"])]
