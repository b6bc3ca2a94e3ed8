import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from fsqa.study.spread import spread
from fsqa.study.statistics import (
    cell_estimate,
    estimates,
    holm,
    mean_with_interval,
    paired_difference,
    paired_differences,
)


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


def crossed(generator, trials, seeds, examples, seed_noise, example_noise):
    """Tables of mean zero: seeds and examples are drawn, and something is left that belongs to neither."""
    return (
        seed_noise * generator.standard_normal((trials, seeds, 1))
        + example_noise * generator.standard_normal((trials, 1, examples))
        + generator.standard_normal((trials, seeds, examples))
    )


def answers(generator, trials, seeds, examples, seed_noise, ease, lead=0.0):
    """Right and wrong answers of one arm to questions of different ``ease``, of shape (trials, 1, examples)."""
    skill = lead + seed_noise * generator.standard_normal((trials, seeds, 1))
    return (ease + skill + generator.standard_normal((trials, seeds, examples)) > 0).astype(np.float64)


REGIMES = [(3, 100, 0.0), (3, 300, 0.1), (3, 100, 1.0), (5, 200, 0.15), (10, 100, 0.5)]
"""Seeds, examples, and the noise of seeds beside that of examples, which is 1: none, as much as theirs, ten times."""
TRIALS = 400
LOWEST, HIGHEST = 0.92 - 0.015, 0.98 + 0.015
"""What coverage may be, and what 400 trials may miss of it."""


@pytest.mark.parametrize(("seeds", "examples", "noise"), [(1, 150, 0.0), *REGIMES])
def test_interval_of_a_cell_covers_the_truth_as_often_as_it_says(seeds, examples, noise):
    tables = crossed(np.random.default_rng(1), TRIALS, seeds, examples, noise, 1.0)
    hits = sum(estimate.low <= 0 <= estimate.high for estimate in estimates(list(tables), resamples=500))
    assert LOWEST <= hits / TRIALS <= HIGHEST


@pytest.mark.parametrize(("rate", "noise"), [(0.5, 0.1), (0.93, 0.1), (0.98, 0.1), (0.5, 0.5)])
def test_interval_of_right_and_wrong_answers_covers_the_truth(rate, noise):
    generator = np.random.default_rng(2)
    ease = NormalDist().inv_cdf(rate) * math.sqrt(2 + noise**2) + generator.standard_normal((TRIALS, 1, 200))
    tables = answers(generator, TRIALS, 3, 200, noise, ease)
    found = list(estimates(list(tables), resamples=500))
    hits = sum(estimate.low <= rate <= estimate.high for estimate in found)
    assert LOWEST <= hits / TRIALS <= 1
    assert all(0 <= estimate.low <= estimate.mean <= estimate.high <= 1 for estimate in found)


@pytest.mark.parametrize(("seeds", "examples", "noise"), [(1, 150, 0.0), *REGIMES])
def test_no_effect_is_rarely_taken_for_one(seeds, examples, noise):
    """Two arms that are the same, each with seeds of its own, on questions of which some are hard for both."""
    generator = np.random.default_rng(4)
    ease = 2 * generator.standard_normal((TRIALS, 1, examples))
    arms = [answers(generator, TRIALS, seeds, examples, noise, ease) for _ in range(2)]
    found = paired_differences(list(zip(*arms, strict=True)), resamples=500, flips=999)
    hits = sum(difference.low <= 0 <= difference.high for difference in found)
    assert LOWEST <= hits / TRIALS <= HIGHEST
    wrong = sum(difference.p <= 0.05 for difference in found)
    # 0.06, and two standard errors of a share of 0.05 over 400 trials
    assert wrong / TRIALS <= 0.06 + 0.022


def test_an_effect_as_large_as_the_detectable_one_is_found_four_times_in_five():
    generator = np.random.default_rng(5)
    ease = 2 * generator.standard_normal((TRIALS, 1, 300))
    arms = [answers(generator, TRIALS, 10, 300, 0.3, ease, lead) for lead in (0.42, 0.0)]
    found = paired_differences(list(zip(*arms, strict=True)), resamples=200, flips=999)
    # seeds with a noise of 0.3 in both arms, and a lead of 0.42: what ten of them are said to detect
    effect = np.mean([difference.mean for difference in found])
    assert effect == pytest.approx(np.mean([difference.detectable for difference in found]), rel=0.08)
    assert sum(difference.p <= 0.05 for difference in found) / TRIALS == pytest.approx(0.8, abs=0.08)


def test_one_seed_is_the_plain_bootstrap_over_examples():
    scores = np.random.default_rng(0).integers(0, 2, (1, 400)).astype(float)
    estimate = cell_estimate(scores)
    error = scores.std(ddof=1) / math.sqrt(400)
    assert estimate.half_width == pytest.approx(1.966 * error, rel=0.02)
    assert estimate.of_examples_alone
    assert estimate.examples == 400


def test_seeds_alone_give_students_interval():
    """Where examples of a run do not differ, what is left are the seeds."""
    scores = np.repeat(np.array([[1.0], [2.0], [3.0]]), 50, axis=1)
    assert cell_estimate(scores).half_width == pytest.approx(mean_with_interval([1, 2, 3]).half_width, rel=0.1)
    assert spread(scores).error == pytest.approx(1 / math.sqrt(3))
    assert spread(scores).quantile(0.975) == pytest.approx(4.302653, abs=1e-6)


def test_variance_by_hand():
    # means of seeds 2 and 4, of examples 1, 3 and 5; the rest is zero
    own = spread(np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]]))
    # of the seeds: (1 + 1) / (2 * 1); of the examples: (4 + 0 + 4) / (3 * 2)
    assert own.variance == pytest.approx(1 + 8 / 6)
    assert own.of_seeds == pytest.approx(1 / (1 + 8 / 6))


@pytest.mark.parametrize(("scores", "low", "high"), [(np.zeros((3, 100)), 0.0, 0.037), (np.ones((1, 100)), 0.963, 1.0)])
def test_what_was_never_seen_is_not_ruled_out(scores, low, high):
    """No right answer of 100 is Wilson's interval for none of 100, not a point."""
    estimate = cell_estimate(scores)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-4)


def test_weighted_means_are_those_of_the_tokens():
    scores, tokens = np.array([[1.0, 4.0, 2.0], [3.0, 0.0, 2.0]]), np.array([1.0, 2.0, 3.0])
    estimate = cell_estimate(scores, tokens)
    assert estimate.values == pytest.approx((15 / 6, 9 / 6))
    assert estimate.mean == pytest.approx(2.0)


def test_weighted_interval_is_that_of_resampled_ratios():
    generator = np.random.default_rng(0)
    scores, tokens = generator.exponential(size=(1, 300)), generator.integers(1, 9, 300).astype(float)
    places = generator.integers(0, 300, (4000, 300))
    ratios = (scores[0] * tokens)[places].sum(axis=1) / tokens[places].sum(axis=1)
    estimate = cell_estimate(scores, tokens)
    assert (estimate.low, estimate.high) == pytest.approx(np.quantile(ratios, [0.025, 0.975]).tolist(), rel=0.03)


def test_equal_answers_leave_open_what_a_few_examples_would_do():
    scores = np.array([[1.0, 0.0] * 50, [0.0, 0.0] * 50])
    difference = paired_difference(scores, scores)
    assert (difference.mean, difference.p) == (0.0, 1.0)
    # Wilson's limit for none of 100, to both sides
    assert (difference.low, difference.high, difference.detectable) == pytest.approx((-0.037, 0.037, 0.037), abs=1e-4)
    assert not difference.settled


def test_differences_of_shares_stay_within_what_is_possible():
    candidate, baseline = np.zeros((2, 40)), np.ones((2, 40))
    candidate[1, :30] = 1.0
    difference = paired_difference(candidate, baseline)
    assert -1.0 <= difference.low < difference.mean < difference.high <= 1.0
    assert paired_difference(2 * candidate, 2 * baseline).low < -2.0


def test_p_of_few_examples_is_exact():
    # five of five examples are for the candidate: two of 2^5 flips are as clear
    assert paired_difference(np.ones((1, 5)), np.zeros((1, 5))).p == 2 / 32
    # McNemar's test by hand: of six that differ five are for the candidate, 2 * (1 + 6) / 2^6
    candidate, baseline = np.array([[1.0] * 5 + [0.0] + [1.0] * 4]), np.array([[0.0] * 5 + [1.0] * 5])
    assert paired_difference(candidate, baseline).p == 14 / 64


def test_p_of_seeds_alone_is_students():
    difference = paired_difference(np.repeat(np.array([[1.0], [2.0], [3.0]]), 40, axis=1), np.zeros((3, 40)))
    # t = 2 / (1 / sqrt(3)) with two degrees of freedom
    assert difference.p == pytest.approx(0.0742, abs=0.001)


def test_paired_difference_is_repeatable_and_turns_round():
    generator = np.random.default_rng(7)
    candidate, baseline = generator.integers(0, 2, (2, 3, 60)).astype(float)
    difference = paired_difference(candidate, baseline)
    assert difference == paired_difference(candidate, baseline)
    assert difference.reversed.mean == paired_difference(baseline, candidate).mean
    assert (difference.reversed.low, difference.reversed.high) == (-difference.high, -difference.low)
    assert (difference.seeds, difference.examples) == (3, 60)


def test_many_tables_give_what_each_gives_alone():
    generator = np.random.default_rng(8)
    tables = [generator.random((seeds, 500)) for seeds in (1, 3, 2)]
    for together, table in zip(estimates(tables), tables, strict=True):
        alone = cell_estimate(table)
        assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 4)])
def test_shapes_must_fit(shape):
    with pytest.raises(ValueError, match="shapes"):
        paired_difference(np.zeros(shape), np.zeros((2, 3)))


def test_one_example_has_no_spread():
    with pytest.raises(ValueError, match="at least two"):
        cell_estimate(np.ones((3, 1)))


def test_holm_by_hand():
    one = paired_difference(np.ones((1, 5)), np.zeros((1, 5)))
    adjusted = holm({name: replace(one, p=p) for name, p in (("a", 0.04), ("b", 0.01), ("c", 0.03))})
    assert list(adjusted) == ["a", "b", "c"]
    # 3 * 0.01, 2 * 0.03, and 0.04 may not be below that
    assert [each.adjusted for each in adjusted.values()] == pytest.approx([0.06, 0.03, 0.06])
    assert holm({}) == {}


def test_settled_is_by_interval_and_corrected_p():
    clear = replace(paired_difference(np.ones((1, 5)), np.zeros((1, 5))), low=0.1, high=0.3, p=0.01)
    assert clear.settled
    assert not replace(clear, adjusted=0.06).settled
    assert not replace(clear, low=-0.1).settled
