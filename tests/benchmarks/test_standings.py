import pytest

from benchmarks.standings import Spread, standing
from benchmarks.turns import Counts, Turn


def turn(seconds, tokens=100, positions=200):
    return Turn(
        steps=2,
        seconds=seconds,
        cpu_seconds=2 * seconds,
        counts=Counts(examples=16, tokens=tokens, positions=positions, targets=40),
        first_loss=9.0,
        loss=8.0,
        peak_mb=500 + seconds,
        device_peak_mb=0.0,
    )


def test_ratios_are_of_tokens_a_second_in_the_same_round():
    base, slow = [turn(1.0), turn(2.0), turn(1.0)], [turn(4.0), turn(4.0), turn(3.0, tokens=50)]
    result = standing(slow, base, [1e9, 1e9, 2e9], 1e9)
    assert result.behind == Spread.of([4.0, 2.0, 6.0])
    assert (result.behind.median, result.behind.extremes) == (4.0, (2.0, 6.0))
    assert result.behind_by_cpu == result.behind
    assert result.seconds_per_step.median == 2.0
    assert result.real_share == pytest.approx(250 / 600)
    assert result.utilisation.extremes == (0.25, pytest.approx(2 / 3))
    assert result.peak_mb == 504.0


def test_the_base_is_once_as_fast_as_itself():
    base = [turn(1.0), turn(2.0)]
    assert standing(base, base, [1.0, 1.0], 1.0).behind == Spread.of([1.0, 1.0])


def test_one_round_has_a_spread_too():
    assert Spread.of([2.0]) == Spread(median=2.0, quartiles=(2.0, 2.0), extremes=(2.0, 2.0))
