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
        start, stop = self._window(number)
        if start not in self._remembered:
            self._remembered.clear()
            self._remembered[start] = self._batches(start, stop)
        return self._remembered[start][number - start]

    def _window(self, number: int) -> tuple[int, int]:
        """Return the steps, from and to, that are sorted together with step ``number``: all of one epoch.

        A step that holds the end of one epoch and the start of the next stands alone.
        """
        rows = len(self.lengths)
        epoch = number * self.batch_size // rows
        first, end = -(-epoch * rows // self.batch_size), (epoch + 1) * rows // self.batch_size
        if number >= end:
            return number, number + 1
        start = first + (number - first) // self.window * self.window
        return start, min(start + self.window, end)

    def _batches(self, start: int, stop: int) -> NDArray[np.int64]:
        rows = self._stream(start * self.batch_size, stop * self.batch_size)
        by_length = rows[np.argsort(self.lengths[rows], kind="stable")]
        order = np.random.default_rng((self.seed, 1, start)).permutation(stop - start)
        return by_length.reshape(stop - start, self.batch_size)[order]

    def _stream(self, start: int, stop: int) -> NDArray[np.int64]:
        rows = len(self.lengths)
        first, last = start // rows, (stop - 1) // rows
        epochs = np.concatenate([_permutation(rows, self.seed, epoch) for epoch in range(first, last + 1)])
        return epochs[start - first * rows : stop - first * rows]


@lru_cache(maxsize=2)
def _permutation(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, 0, epoch)).permutation(rows)
