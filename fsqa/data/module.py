"""The LightningDataModule: prepared splits in, batches out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from fsqa.data.batches import ScoringBatches, TrainBatches, on_device
from fsqa.data.examples import Examples
from fsqa.data.plan import BucketedPlan
from fsqa.errors import InputError
from fsqa.types import Batch


class TrainLoader:
    """Iterates over micro-batches from where it stands; its state is one number.

    Lightning saves and restores that number with every checkpoint, so a run resumed in the middle of an epoch
    goes on with the very next batch.
    """

    def __init__(self, batches: TrainBatches, micro_batches_per_epoch: int, workers: int) -> None:
        self._batches, self._length, self._workers = batches, micro_batches_per_epoch, workers
        self.position = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Batch]:
        epoch_end = (self.position // self._length + 1) * self._length
        for batch in self._made(range(self.position, epoch_end)):
            self.position += 1
            yield batch

    def _made(self, numbers: range) -> Iterable[Batch]:
        if not self._workers:  # a DataLoader in this process would take longer than making the batch
            return map(self._batches.__getitem__, numbers)
        return DataLoader(
            self._batches,  # type: ignore[arg-type]  # anything with __getitem__ will do
            batch_size=None,
            sampler=numbers,
            num_workers=self._workers,
            generator=torch.Generator(),  # its own, so that starting an epoch draws nothing from dropout's
        )

    def first(self) -> Batch:
        """Return the very first micro-batch, without moving."""
        return self._batches[0]

    def largest(self, steps: float) -> Batch:
        """Return the widest micro-batch of the first so many optimizer steps, or of the first epoch if that is less."""
        count = int(min(self._length, steps * self._batches.accumulation))
        return self._batches[max(range(count), key=self._batches.width)]

    def state_dict(self) -> dict[str, int]:
        """Say which micro-batch comes next."""
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved position."""
        self.position = state["position"]


class QuestionDataModule(pl.LightningDataModule):
    """Serves bucketed training batches and whole validation passes from tokenised splits.

    ``batch_size`` is what the optimizer sees in one step over all devices, ``micro_batch_size`` what one device
    holds at once; how many micro-batches are accumulated follows from the two.
    """

    def __init__(
        self,
        *,
        train: Examples,
        validation: Examples,
        pad_id: int,
        batch_size: int,
        micro_batch_size: int,
        seed: int,
        workers: int,
    ) -> None:
        super().__init__()
        self.plan = BucketedPlan(train.lengths, batch_size, seed)
        self._train, self._validation, self._pad_id = train, validation, pad_id
        self._batch_size, self._micro_batch_size, self._workers = batch_size, micro_batch_size, workers

    def train_dataloader(self) -> TrainLoader:
        """Return this device's endless micro-batches, an epoch at a time."""
        devices, rank = self._place()
        batches = TrainBatches(
            examples=self._train,
            plan=self.plan,
            pad_id=self._pad_id,
            accumulation=accumulation(self._batch_size, self._micro_batch_size, devices),
            rank=rank,
            devices=devices,
        )
        return TrainLoader(batches, self.plan.steps_per_epoch * batches.accumulation, self._workers)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return this device's part of the validation split."""
        devices, rank = self._place()
        batches = ScoringBatches(self._validation, 4 * self._micro_batch_size, self._pad_id, rank, devices)
        # A generator of its own, so that a validation draws nothing from dropout's.
        return DataLoader(batches, batch_size=None, shuffle=False, generator=torch.Generator())  # type: ignore[arg-type]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Return the batch on a device; Lightning would look into it for what there may be to move."""
        return on_device(batch, device)

    def _place(self) -> tuple[int, int]:
        trainer = self.trainer
        return (trainer.world_size, trainer.global_rank) if trainer else (1, 0)


def accumulation(batch_size: int, micro_batch_size: int, devices: int) -> int:
    """Return how many micro-batches each device accumulates for one optimizer step, which must come out even."""
    together = micro_batch_size * devices
    if batch_size % together:
        raise InputError(
            f"batch_size={batch_size} is not a multiple of micro_batch_size={micro_batch_size} x {devices} "
            f"device{'s' if devices > 1 else ''}; choose a micro_batch_size that divides batch_size / devices"
        )
    return batch_size // together
