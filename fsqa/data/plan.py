"""Which examples every optimizer step sees: a pure function of the seed and the step's number."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

WINDOW = 50
"""Steps whose examples are sorted by length together: enough for nearly no padding, still well mixed."""


class Plan(Protocol):
    """Anything that can say which rows step ``number`` sees."""

    def step(self, number: int) -> NDArray[np.int64]:
        """Return the row numbers of one optimizer step."""


@dataclass(frozen=True, eq=False)
class BucketedPlan:
    """Shuffled, length-bucketed batches, the same on every device and after every resume.

    One permutation of the rows follows another in an endless stream, so every step has exactly ``batch_size``
    examples and each row is seen once per epoch. Within a window of steps rows are sorted by length, cut into
    batches, and the batches shuffled. Step ``n`` needs nothing from step ``n - 1``: resuming is asking for ``n``.
    """

    lengths: NDArray[np.int64]
    batch_size: int
    seed: int
    window: int = WINDOW
    _remembered: dict[int, NDArray[np.int64]] = field(default_factory=dict, repr=False)

    @property
    def steps_per_epoch(self) -> int:
        """Steps until every row has been seen once, rounded up."""
        return -(-len(self.lengths) // self.batch_size)

    def step(self, number: int) -> NDArray[np.int64]:
        """Return the rows of step ``number`` (from 0), shortest first."""
        window, place = divmod(number, self.window)
        if window not in self._remembered:
            self._remembered.clear()
            self._remembered[window] = self._batches(window)
        return self._remembered[window][place]

    def _batches(self, window: int) -> NDArray[np.int64]:
        size = self.window * self.batch_size
        rows = self._stream(window * size, (window + 1) * size)
        by_length = rows[np.argsort(self.lengths[rows], kind="stable")]
        order = np.random.default_rng((self.seed, 1, window)).permutation(self.window)
        return by_length.reshape(self.window, self.batch_size)[order]

    def _stream(self, start: int, stop: int) -> NDArray[np.int64]:
        rows = len(self.lengths)
        first, last = start // rows, (stop - 1) // rows
        epochs = np.concatenate([_permutation(rows, self.seed, epoch) for epoch in range(first, last + 1)])
        return epochs[start - first * rows : stop - first * rows]


@lru_cache(maxsize=2)
def _permutation(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, 0, epoch)).permutation(rows)
