import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_calibration_error

from fsqa.errors import InputError
from fsqa.metrics.calibration import METRICS, Bin, Calibration, reliability

TEN = Calibration(bins=10)


def answers(*pairs):
    rows = [{"id": str(i), "confidence": sure, "exact_match": right} for i, (sure, right) in enumerate(pairs)]
    return [row | more for row, more in zip(rows, TEN.columns([], rows), strict=True)]


def test_by_hand():
    rows = answers((0.95, 1.0), (0.85, 0.0), (0.85, 1.0), (0.15, 0.0))
    assert [row["brier"] for row in rows] == pytest.approx([0.0025, 0.7225, 0.0225, 0.0225])
    assert [row["overconfidence"] for row in rows] == pytest.approx([-0.05, 0.85, -0.15, 0.15])
    assert TEN.figures(rows) == pytest.approx(
        {
            "calibration_error": (0.05 + 2 * 0.35 + 0.15) / 4,
            "confidence": 0.7,
            "overconfidence": 0.2,
            "brier": (0.0025 + 0.7225 + 0.0225 + 0.0225) / 4,
        }
    )
    assert set(TEN.figures(rows)) == {metric.name for metric in METRICS}


def test_of_text_that_was_written_on_there_is_confidence_alone():
    rows = [{"id": "1", "confidence": 0.5}, {"id": "2", "confidence": 0.25}]
    assert TEN.columns([], rows) == [{}, {}]
    assert TEN.figures(rows) == {"confidence": 0.375}


def test_bins_hold_their_upper_end():
    """As Guo et al. have them; 0 belongs to the first."""
    bins = reliability(answers((0.0, 0.0), (0.5, 1.0), (0.5000001, 0.0), (1.0, 1.0), (0.75, 1.0)), 2)
    assert bins == (
        Bin(low=0.0, high=0.5, count=2, confidence=0.25, accuracy=0.5),
        Bin(low=0.5, high=1.0, count=3, confidence=pytest.approx(0.75, abs=1e-6), accuracy=pytest.approx(2 / 3)),
    )


def test_empty_bins_are_left_out():
    bins = reliability(answers((0.05, 1.0), (0.95, 1.0)), 10)
    assert [(each.low, each.high) for each in bins] == [(0.0, 0.1), (0.9, 1.0)]


@pytest.mark.parametrize("bins", [1, 2, 10, 15, 37])
def test_as_torchmetrics(bins):
    """On answers of any confidence, right as often as they are sure, and squared as often."""
    random = np.random.default_rng(bins)
    sure = random.random(2_000)
    for chance in (sure, sure**2):
        right = (random.random(2_000) < chance).astype(float)
        figures = Calibration(bins=bins).figures(answers(*zip(sure.tolist(), right.tolist(), strict=True)))
        theirs = binary_calibration_error(torch.tensor(sure), torch.tensor(right).long(), n_bins=bins, norm="l1")
        assert figures["calibration_error"] == pytest.approx(float(theirs), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=1), st.integers(1, 20))
def test_bins_part_the_answers(pairs, bins):
    rows = answers(*pairs)
    found = reliability(rows, bins)
    assert sum(each.count for each in found) == len(rows)
    assert all(each.low <= each.confidence <= each.high + 1e-12 for each in found)
    figures = Calibration(bins=bins).figures(rows)
    assert abs(figures["overconfidence"]) <= figures["calibration_error"] + 1e-12 <= 1 + 1e-12


def test_one_bin_is_the_distance_of_the_means():
    rows = answers((0.2, 1.0), (0.9, 0.0), (0.6, 1.0))
    figures = Calibration(bins=1).figures(rows)
    assert figures["calibration_error"] == pytest.approx(abs(figures["overconfidence"]))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"id": "1", "exact_match": 1.0}],
        [{"id": "1", "exact_match": 1.0, "confidence": None}],
    ],
    ids=["no answers", "no confidence", "null"],
)
def test_nothing_to_measure(rows):
    """Baselines say what they say with no confidence at all."""
    assert TEN.columns([], rows) == [{} for _ in rows]
    assert TEN.figures(rows) == {}
    assert reliability(rows, 10) == ()


def test_some_without_confidence():
    rows = [{"id": "a", "exact_match": 1.0, "confidence": 0.5}, {"id": "b", "exact_match": 1.0}]
    with pytest.raises(
        InputError, match=r"^answer 'b' has no confidence and others have; give it to all .* or to none$"
    ):
        TEN.columns([], rows)


@pytest.mark.parametrize("wrong", [1.5, -0.1, float("nan")])
def test_no_probability(wrong):
    with pytest.raises(InputError, match=rf"^answer '7': confidence: wanted a probability from 0 to 1, came {wrong}$"):
        reliability([{"id": "7", "exact_match": 1.0, "confidence": wrong}], 10)


def test_no_bins():
    with pytest.raises(InputError, match=r"^metrics\.calibration\.bins: wanted 1 or more, got 0$"):
        Calibration(bins=0)


def test_evaluation_is_told_to_measure_confidence():
    assert Calibration.needs_confidence
