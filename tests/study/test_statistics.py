import math

import numpy as np
import pytest

from fsqa.study.statistics import mean_with_interval, paired_difference


def test_interval_by_hand():
    # deviation 1, t(0.975, 2) = 4.302653, so the half width is 4.302653 / sqrt(3)
    estimate = mean_with_interval([1.0, 2.0, 3.0])
    assert estimate.mean == 2.0
    assert estimate.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-6)
    assert estimate.low == pytest.approx(2.0 - 2.484138, abs=1e-6)
    assert estimate.count == 3


def test_two_seeds_by_hand():
    # t(0.975, 1) = 12.706205; deviation of 0.4 and 0.6 is 0.141421
    assert mean_with_interval([0.4, 0.6]).half_width == pytest.approx(12.706205 * 0.141421356 / math.sqrt(2), abs=1e-6)


def test_one_value_has_no_interval():
    estimate = mean_with_interval([0.25])
    assert (estimate.mean, estimate.low, estimate.high, estimate.half_width) == (0.25, None, None, None)


def test_values_that_are_not_finite_have_no_interval():
    assert mean_with_interval([1.0, math.inf]).high is None


def test_no_value_is_a_bug():
    with pytest.raises(ValueError, match="at least one"):
        mean_with_interval([])


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_interval_covers_the_truth_as_often_as_it_says(seeds):
    generator = np.random.default_rng(3)
    trials = 2000
    hits = 0
    for values in generator.normal(0.6, 0.05, size=(trials, seeds)):
        estimate = mean_with_interval(values.tolist())
        hits += estimate.low <= 0.6 <= estimate.high
    # three standard errors of a share of 0.95 over 2000 trials
    assert hits / trials == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / trials))


def test_difference_of_equal_answers_is_exactly_zero():
    scores = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    difference = paired_difference(scores, scores)
    assert (difference.mean, difference.low, difference.high) == (0.0, 0.0, 0.0)
    assert not difference.settled


def test_constant_difference_has_no_spread():
    difference = paired_difference(np.ones((3, 8)), np.zeros((3, 8)))
    assert (difference.mean, difference.low, difference.high) == pytest.approx((1.0, 1.0, 1.0))
    assert difference.settled
    assert (difference.seeds, difference.examples) == (3, 8)


def test_difference_by_hand_and_repeatable():
    candidate = np.array([[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
    baseline = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]])
    difference = paired_difference(candidate, baseline)
    assert difference.mean == pytest.approx(0.25)
    assert difference.low < 0.25 < difference.high
    assert paired_difference(candidate, baseline) == difference


def test_one_seed_agrees_with_the_plain_bootstrap_over_examples():
    generator = np.random.default_rng(0)
    candidate, baseline = (
        generator.integers(0, 2, (1, 400)).astype(float),
        generator.integers(0, 2, (1, 400)).astype(float),
    )
    difference = paired_difference(candidate, baseline)
    error = (candidate - baseline).std() / math.sqrt(400)
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_pieces_do_not_change_the_shape_of_the_answer():
    # more examples than one piece holds of 4000 resamples
    difference = paired_difference(np.ones((2, 3000)), np.zeros((2, 3000)), resamples=1500)
    assert difference.mean == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 4)])
def test_shapes_must_fit(shape):
    with pytest.raises(ValueError, match="shapes"):
        paired_difference(np.zeros(shape), np.zeros((2, 3)))
