import math

import pytest

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.report.charts import nice_ticks
from fsqa.report.numbers import format_estimate, format_points, format_value
from fsqa.study.statistics import Estimate, mean_with_interval


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("exact_match", 0.6214, "62.1"),
        ("answer_nll", 1.2345, "1.23"),
        ("perplexity", 665.14, "665"),
        ("perplexity", 12.34, "12.3"),
        ("perplexity", 6.5e12, "6.50e+12"),
        ("perplexity", math.inf, "∞"),
        ("examples", 1200, "1,200"),
        ("answer_nll", None, "—"),
    ],
)
def test_values(name, value, shown):
    assert format_value(METRICS[name], value) == shown


def test_estimates():
    assert format_estimate(METRICS["exact_match"], Estimate(0.621, 0.587, 0.655, (0.6, 0.63))) == "62.1 ± 3.4"
    assert format_estimate(METRICS["exact_match"], mean_with_interval([0.5])) == "50.0"
    # an interval that is nearly the same to both sides: half of the whole
    assert format_estimate(METRICS["exact_match"], Estimate(0.98, 0.93, 1.01, (0.98,), 100)) == "98.0 ± 4.0"
    # one that is not: its ends
    assert format_estimate(METRICS["exact_match"], Estimate(0.013, 0.004, 0.082, (0.013,), 100)) == "1.3 [0.4, 8.2]"
    assert format_estimate(METRICS["exact_match"], Estimate(0.0, 0.0, 0.008, (0.0,), 500)) == "0.0 [0.0, 0.8]"
    # unless no digit shows it
    assert format_estimate(METRICS["exact_match"], Estimate(0.5, 0.4999, 0.5004, (0.5,), 500)) == "50.0 ± 0.0"
    assert format_estimate(COSTS["parameters"], mean_with_interval([3e6, 3e6])) == "3,000,000"
    assert format_estimate(METRICS["f1"], None) == "—"


@pytest.mark.parametrize(("value", "shown"), [(0.032, "+3.2"), (-0.0741, "−7.4"), (-0.0001, "0.0")])
def test_points_have_a_sign_unless_they_round_to_zero(value, shown):
    assert format_points(value) == shown


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.034), (0.8, 6.43), (-3, 250_000), (2, 2), (0, 0)])
def test_ticks_are_round_and_enclose(low, high):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8
    assert list(ticks) == sorted(set(ticks))
