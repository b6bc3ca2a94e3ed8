import math

import numpy as np
import pytest

from fsqa.metrics.intervals import intervals
from fsqa.metrics.scoring import summarize


def rows(count: int, share: float, seed: int = 0) -> list[dict]:
    random = np.random.default_rng(seed)
    return [
        {
            "exact_match": float(random.random() < share),
            "f1": random.random(),
            "answer_nll": random.exponential(),
            "token_accuracy": random.random(),
            "reference_tokens": int(random.integers(1, 9)),
            "stopped": True,
        }
        for _ in range(count)
    ]


def test_a_share_has_nearly_the_interval_of_the_normal_approximation():
    given = rows(400, share=0.3)
    mean = summarize(given)["exact_match"]
    half = 1.96 * math.sqrt(mean * (1 - mean) / 400)
    low, high = intervals(given)["exact_match"]
    assert low == pytest.approx(mean - half, abs=0.006)
    assert high == pytest.approx(mean + half, abs=0.006)


def test_token_weighted_figures_are_resampled_as_ratios():
    """Against a plain bootstrap that draws rows one by one."""
    given, random = rows(60, share=0.5), np.random.default_rng(1)
    means = [summarize([given[i] for i in random.integers(0, 60, 60)])["answer_nll"] for _ in range(2000)]
    wanted = np.quantile(means, [0.025, 0.975])
    assert intervals(given)["answer_nll"] == pytest.approx(wanted.tolist(), rel=0.05)


def test_every_figure_lies_in_its_interval_and_a_constant_one_has_none():
    given = rows(100, share=0.5)
    known, figures = intervals(given), summarize(given)
    assert set(known) == {"exact_match", "f1", "answer_nll", "token_accuracy", "stop_rate"}
    assert all(interval.low <= figures[name] <= interval.high for name, interval in known.items())
    assert known["stop_rate"] == (1.0, 1.0)
    assert known == intervals(given), "the same every time"


def test_missing_columns_are_left_out():
    assert set(intervals([{"f1": 0.5}, {"f1": 1.0}])) == {"f1"}
    assert intervals([{"id": "1"}]) == {}
