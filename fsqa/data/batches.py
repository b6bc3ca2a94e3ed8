"""Batches for one device: collated rows with the denominators of the whole optimizer step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from fsqa.data.examples import Examples
from fsqa.data.plan import Plan
from fsqa.types import Batch, Role


def collate(examples: Examples, rows: NDArray[np.int64], step_rows: NDArray[np.int64], pad_id: int) -> Batch:
    """Pad ``rows`` on the right to their own longest; ``step_rows`` are all rows of the optimizer step."""
    chosen = [examples[int(row)] for row in rows]
    longest = max(len(example.ids) for example in chosen)
    ids = np.full((len(chosen), longest), pad_id, np.int64)
    roles = np.full((len(chosen), longest), int(Role.PAD), np.int64)
    for i, example in enumerate(chosen):
        ids[i, : len(example.ids)] = example.ids
        roles[i, : len(example.roles)] = example.roles
    return Batch(
        ids=torch.from_numpy(ids),
        roles=torch.from_numpy(roles),
        rows=torch.from_numpy(np.asarray(rows, np.int64)),
        step_examples=torch.tensor(len(step_rows)),
        step_targets=torch.from_numpy(examples.target_counts[step_rows].sum(axis=0, dtype=np.int64)),
    )


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on a device; a GPU may still be copying when this returns, and waits for it by itself."""
    return Batch(*(tensor.to(device, non_blocking=device.type == "cuda") for tensor in batch))


@dataclass(frozen=True, eq=False)
class TrainBatches:
    """The endless list of one device's micro-batches; ``batches[i]`` depends on nothing but ``i``."""

    examples: Examples
    plan: Plan
    pad_id: int
    accumulation: int
    """Micro-batches of one device in an optimizer step."""
    rank: int
    devices: int

    def __getitem__(self, i: int) -> Batch:
        rows, step_rows = self._rows(i)
        return collate(self.examples, rows, step_rows, self.pad_id)

    def width(self, i: int) -> int:
        """Return the length of a micro-batch's longest row, to which the others are padded."""
        return int(self.examples.lengths[self._rows(i)[0]].max())

    def _rows(self, i: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of a micro-batch, and all rows of its optimizer step."""
        step, micro = divmod(i, self.accumulation)
        step_rows = self.plan.step(step)
        size = len(step_rows) // (self.accumulation * self.devices)
        first = (micro * self.devices + self.rank) * size
        return step_rows[first : first + size], step_rows


@dataclass(frozen=True, eq=False)
class ScoringBatches(Sequence[Batch]):
    """Every row of a split once, longest first, so that what does not fit in memory fails at once."""

    examples: Examples
    batch_size: int
    pad_id: int
    rank: int = 0
    devices: int = 1

    def __len__(self) -> int:
        return -(-len(self._own_rows) // self.batch_size)

    def __getitem__(self, i: int) -> Batch:  # type: ignore[override]
        if not 0 <= i < len(self):
            raise IndexError(i)
        rows = self._own_rows[i * self.batch_size : (i + 1) * self.batch_size]
        return collate(self.examples, rows, rows, self.pad_id)

    @cached_property
    def _own_rows(self) -> NDArray[np.int64]:
        return np.argsort(-self.examples.lengths, kind="stable")[self.rank :: self.devices]
