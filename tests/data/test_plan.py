import numpy as np
import pytest

from fsqa.data.plan import WINDOW, BucketedPlan


def lengths(rows, seed=0):
    """Lengths as real questions with answers have them: most near 20 tokens, some three times as long."""
    return np.random.default_rng(seed).lognormal(3.0, 0.4, rows).astype(np.int64) + 4


def plan(rows, batch_size, seed=0, **settings):
    return BucketedPlan(lengths(rows), batch_size, seed, **settings)


def seen(of, steps):
    """How often each row is seen in the first steps."""
    rows = [row for i in range(steps) for row in of.step(i).tolist()]
    return np.bincount(np.array(rows, np.int64), minlength=len(of.lengths))


def padding(steps, of):
    """The share of cells that hold no token when each step is padded to its own longest row."""
    cells = sum(len(rows) * of[rows].max() for rows in steps)
    return 1 - sum(of[rows].sum() for rows in steps) / cells


SIZES = [(64, 8), (100, 8), (400, 32), (2100, 32), (5, 8), (8, 8), (1, 4), (20, 8), (17, 1), (3, 2)]


@pytest.mark.parametrize(("rows", "batch_size"), SIZES)
def test_every_step_has_exactly_batch_size_rows_of_the_split(rows, batch_size):
    of = plan(rows, batch_size)
    for i in range(3 * of.steps_per_epoch):
        assert of.step(i).shape == (batch_size,)
        assert 0 <= of.step(i).min() <= of.step(i).max() < rows


@pytest.mark.parametrize(("rows", "batch_size"), SIZES)
@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_each_row_is_seen_once_per_epoch(rows, batch_size, epochs):
    """After the steps that hold ``epochs`` whole epochs, but for the step that two epochs share."""
    of = plan(rows, batch_size)
    full, started = seen(of, epochs * rows // batch_size), seen(of, -(-epochs * rows // batch_size))
    assert full.max() <= epochs
    assert started.min() >= epochs


@pytest.mark.parametrize(("rows", "batch_size"), [(400, 32), (2100, 32), (64, 8), (20, 8)])
def test_no_row_stands_twice_in_a_step_within_an_epoch(rows, batch_size):
    of = plan(rows, batch_size)
    inside = [i for i in range(6 * rows // batch_size) if i * batch_size // rows == ((i + 1) * batch_size - 1) // rows]
    assert all(len(np.unique(of.step(i))) == batch_size for i in inside)


@pytest.mark.parametrize(("rows", "batch_size"), [(100, 8), (2100, 32), (5, 8)])
def test_a_step_depends_on_nothing_but_its_number(rows, batch_size):
    steps = 2 * WINDOW + 3
    forwards = plan(rows, batch_size)
    wanted = [forwards.step(i).tolist() for i in range(steps)]
    jumping = plan(rows, batch_size)
    for i in np.random.default_rng(1).permutation(steps):
        assert jumping.step(int(i)).tolist() == wanted[i]
    assert plan(rows, batch_size).step(steps - 1).tolist() == wanted[-1]


def test_another_seed_is_another_order():
    steps = range(20)
    one, other = plan(2000, 16, seed=0), plan(2000, 16, seed=1)
    assert [one.step(i).tolist() for i in steps] != [other.step(i).tolist() for i in steps]
    assert np.mean([np.isin(one.step(i), other.step(i)).mean() for i in steps]) < 0.2


def test_epochs_differ_in_order():
    of = plan(320, 32)
    assert [sorted(of.step(i)) for i in range(10)] != [sorted(of.step(i)) for i in range(10, 20)]


def test_steps_are_mixed_in_length():
    of = plan(20_000, 32)
    longest = np.array([of.lengths[of.step(i)].max() for i in range(WINDOW)])
    assert abs(np.corrcoef(longest, np.arange(WINDOW))[0, 1]) < 0.5


def test_rows_of_a_step_come_shortest_first():
    of = plan(2000, 16)
    for i in range(10):
        assert (np.diff(of.lengths[of.step(i)]) >= 0).all()


@pytest.mark.parametrize(("rows", "batch_size"), [(2100, 32), (10_000, 16), (20_000, 64)])
def test_bucketing_leaves_little_padding(rows, batch_size):
    of = plan(rows, batch_size)
    steps = range(of.steps_per_epoch)
    assert padding([of.step(i) for i in steps], of.lengths) < 0.10
    unbucketed = np.random.default_rng(0).permutation(rows)[: rows // batch_size * batch_size].reshape(-1, batch_size)
    assert padding(list(unbucketed), of.lengths) > 0.20


@pytest.mark.parametrize(("rows", "batch_size", "steps"), [(64, 8, 8), (65, 8, 9), (5, 8, 1), (8, 8, 1), (1, 1, 1)])
def test_steps_per_epoch_round_up(rows, batch_size, steps):
    assert plan(rows, batch_size).steps_per_epoch == steps
