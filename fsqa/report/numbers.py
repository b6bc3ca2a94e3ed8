"""Numbers as people read them."""

import math

from fsqa.metrics.metric import Metric
from fsqa.study.statistics import Estimate

MISSING = "—"
INTERVAL = "mean ± half of the 95 % interval, or [its ends] where it reaches over twice as far to one side"
"""What ``format_estimate`` shows."""
LOPSIDED = 2.0
"""How many times further than to the other side an interval reaches that half its width would misrepresent."""
_COUNTS = ("examples", "steps", "parameters", "trainable_parameters")


def format_value(metric: Metric, value: float | None) -> str:
    """Return one value: per cent without the sign for fractions, three to four digits otherwise."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    if metric.percent:
        return f"{100 * value:.1f}"
    if metric.name in _COUNTS:
        return f"{value:,.0f}"
    return _plain(value)


def format_estimate(metric: Metric, estimate: Estimate | None) -> str:
    """Return ``62.1 ± 3.4``, or ``1.3 [0.4, 8.2]`` where the interval is lopsided.

    Without an interval it is the mean alone, and a dash where nothing was measured.
    """
    if estimate is None:
        return MISSING
    half = estimate.half_width
    if half is None or (metric.name in _COUNTS and half == 0):
        return format_value(metric, estimate.mean)
    shown = format_value(metric, estimate.mean)
    if _is_lopsided(metric, estimate):
        return f"{shown} [{format_value(metric, estimate.low)}, {format_value(metric, estimate.high)}]"
    return f"{shown} ± {_like(metric, estimate.mean, half)}"


def format_points(value: float) -> str:
    """Return a difference of fractions in percentage points, signed unless it rounds to zero."""
    shown = f"{100 * value:+.1f}".replace("-", "−")
    return "0.0" if shown[1:] == "0.0" else shown


def _is_lopsided(metric: Metric, estimate: Estimate) -> bool:
    """Whether an interval reaches much further to one side, and its figures show that."""
    if estimate.low is None or estimate.high is None:
        return False
    near, far = sorted((estimate.mean - estimate.low, estimate.high - estimate.mean))
    return far > LOPSIDED * near and _like(metric, estimate.mean, near) != _like(metric, estimate.mean, far)


def _plain(value: float) -> str:
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        return f"{value:.2e}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _like(metric: Metric, mean: float, half: float) -> str:
    """Give the half width as many decimals as its mean has."""
    if metric.percent:
        return f"{100 * half:.1f}"
    shown = format_value(metric, mean)
    if "e" in shown:
        return f"{half:.1e}"
    return f"{half:,.{len(shown.partition('.')[2])}f}"
