import numpy as np
import pytest
import torch

from fsqa.data.batches import ScoringBatches, TrainBatches, collate
from fsqa.data.plan import BucketedPlan
from fsqa.types import Role
from tests.builders import example, random_rows, stored

PAD = 2


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("examples") / "train", random_rows(37))


def target_counts(rows):
    return [sum(int((row.roles[1:] == role).sum()) for row in rows) for role in Role]


def test_collate_pads_on_the_right_to_the_longest_row(tmp_path):
    rows = [example("ppaae", seed=1), example("pae", seed=2), example("pcccae", seed=3)]
    batch = collate(stored(tmp_path / "rows", rows), np.array([1, 0]), np.array([0, 1, 2]), PAD)
    assert batch.ids.tolist() == [[*rows[1].ids.tolist(), PAD, PAD], rows[0].ids.tolist()]
    p, a, e, pad = Role.PROMPT, Role.ANSWER, Role.END, Role.PAD
    assert batch.roles.tolist() == [[p, a, e, pad, pad], [p, p, a, a, e]]
    assert batch.rows.tolist() == [1, 0]
    assert batch.step_examples.item() == 3
    # prompt, context, answer, end, pad, opening: the first token of each row is no target
    assert batch.step_targets.tolist() == [1, 3, 4, 3, 0, 0]
    assert all(isinstance(tensor, torch.Tensor) for tensor in batch)
    assert {tensor.dtype for tensor in batch} == {torch.int64}


@pytest.mark.parametrize(("accumulation", "devices"), [(1, 1), (4, 1), (1, 2), (2, 2), (2, 4), (8, 1)])
def test_micro_batches_of_all_devices_are_the_rows_of_the_step(examples, accumulation, devices):
    plan = BucketedPlan(examples.lengths, 8, seed=0)
    ranks = [TrainBatches(examples, plan, PAD, accumulation, rank, devices) for rank in range(devices)]
    for step in range(12):
        micros = [r[step * accumulation + i] for r in ranks for i in range(accumulation)]
        assert sorted(row for micro in micros for row in micro.rows.tolist()) == sorted(plan.step(step).tolist())
        wanted = target_counts([examples[int(row)] for row in plan.step(step)])
        for micro in micros:
            assert micro.step_examples.item() == 8
            assert micro.step_targets.tolist() == wanted
            assert micro.ids.shape == micro.roles.shape == (8 // accumulation // devices, micro.ids.shape[1])


def test_micro_batches_hold_the_rows_they_name(examples):
    batches = TrainBatches(examples, BucketedPlan(examples.lengths, 8, seed=0), PAD, 2, rank=0, devices=1)
    batch = batches[5]
    for i, row in enumerate(batch.rows.tolist()):
        wanted = examples[row]
        kept = batch.roles[i] != Role.PAD
        assert batch.ids[i][kept].tolist() == wanted.ids.tolist()
        assert batch.roles[i][kept].tolist() == wanted.roles.tolist()
        assert (batch.ids[i][~kept] == PAD).all()
    assert batch.ids.shape[1] == examples.lengths[batch.rows.numpy()].max()


@pytest.mark.parametrize("devices", [1, 2, 3, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_scoring_covers_every_row_once(examples, devices, batch_size):
    ranks = [ScoringBatches(examples, batch_size, PAD, rank, devices) for rank in range(devices)]
    rows = [row for rank in ranks for batch in rank for row in batch.rows.tolist()]
    assert sorted(rows) == list(range(len(examples)))
    assert [len(rank) for rank in ranks] == [len(list(rank)) for rank in ranks]


def test_scoring_starts_with_the_longest_rows(examples):
    widths = [batch.ids.shape[1] for batch in ScoringBatches(examples, 4, PAD)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == examples.lengths.max()


@pytest.mark.parametrize("i", [-1, 10, 11])
def test_scoring_ends(examples, i):
    with pytest.raises(IndexError):
        ScoringBatches(examples, 4, PAD)[i]
