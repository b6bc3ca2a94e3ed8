import pytest
import torch

from fsqa.data.module import QuestionDataModule, accumulation
from fsqa.errors import InputError
from tests.builders import random_rows, stored

ROWS, BATCH, MICRO = 37, 8, 2
EPOCH = 5 * BATCH // MICRO
"""Micro-batches of an epoch: 37 rows are 5 steps of 8."""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    return QuestionDataModule(
        train=stored(folder / "train", random_rows(ROWS)),
        validation=stored(folder / "validation", random_rows(11, seed=1)),
        pad_id=2,
        batch_size=BATCH,
        micro_batch_size=MICRO,
        seed=3,
        workers=0,
    )


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def epochs(loader, count):
    return [batch for _ in range(count) for batch in loader]


def test_an_epoch_is_every_step_once(module):
    loader = module.train_dataloader()
    assert len(loader) == EPOCH
    assert len(list(loader)) == len(list(loader)) == EPOCH
    assert loader.position == 2 * EPOCH


@pytest.mark.parametrize("stop", [0, 1, 7, EPOCH - 1, EPOCH, EPOCH + 3])
def test_resumed_loader_goes_on_with_the_very_next_batch(module, stop):
    wanted = epochs(module.train_dataloader(), 2)
    first, taken = module.train_dataloader(), 0
    while taken < stop:
        for _ in zip(range(stop - taken), first, strict=False):
            taken += 1
    resumed = module.train_dataloader()
    resumed.load_state_dict({"position": stop})
    rest = epochs(resumed, 2)[: 2 * EPOCH - stop]
    assert len(rest) == 2 * EPOCH - stop
    assert all(same(a, b) for a, b in zip(rest, wanted[stop:], strict=True))


def test_state_counts_what_was_handed_out(module):
    loader = module.train_dataloader()
    batches = iter(loader)
    for handed in range(1, 4):
        next(batches)
        assert loader.state_dict() == {"position": handed}


def test_first_does_not_move(module):
    loader = module.train_dataloader()
    first = loader.first()
    assert loader.state_dict() == {"position": 0}
    assert same(first, next(iter(loader)))


def test_the_data_module_moves_batches_itself(module):
    batch = module.train_dataloader().first()
    moved = module.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert type(moved) is type(batch)
    assert [(tensor.device.type, tensor.shape) for tensor in moved] == [("meta", tensor.shape) for tensor in batch]


def test_an_epoch_draws_nothing_from_what_dropout_draws_from(module):
    state = torch.get_rng_state()
    list(module.train_dataloader())
    assert torch.equal(torch.get_rng_state(), state)


def test_workers_change_nothing(module, monkeypatch):
    plain = list(module.train_dataloader())
    monkeypatch.setattr(module, "_workers", 1)
    loader = module.train_dataloader()
    assert all(same(a, b) for a, b in zip(loader, plain, strict=True))
    assert loader.position == EPOCH


def test_validation_is_the_whole_split(module):
    rows = [row for batch in module.val_dataloader() for row in batch.rows.tolist()]
    assert sorted(rows) == list(range(11))


@pytest.mark.parametrize(
    ("batch_size", "micro", "devices", "count"),
    [(32, 32, 1, 1), (32, 8, 1, 4), (32, 8, 2, 2), (32, 1, 4, 8), (6, 3, 2, 1)],
)
def test_accumulation(batch_size, micro, devices, count):
    assert accumulation(batch_size, micro, devices) == count


@pytest.mark.parametrize(
    ("batch_size", "micro", "devices"), [(32, 5, 1), (32, 64, 1), (32, 32, 2), (32, 8, 3), (1, 2, 1)]
)
def test_accumulation_that_does_not_come_out_even_is_refused(batch_size, micro, devices):
    with pytest.raises(InputError, match=f"batch_size={batch_size} is not a multiple of micro_batch_size={micro} x"):
        accumulation(batch_size, micro, devices)
