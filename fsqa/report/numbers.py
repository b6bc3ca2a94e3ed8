"""Numbers as people read them."""

import math

from fsqa.metrics.catalogue import Metric
from fsqa.study.statistics import Estimate

MISSING = "—"
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
    """Return ``62.1 ± 3.4``; the mean alone where there is no interval, and a dash where nothing was measured."""
    if estimate is None:
        return MISSING
    half = estimate.half_width
    if half is None or (metric.name in _COUNTS and half == 0):
        return format_value(metric, estimate.mean)
    return f"{format_value(metric, estimate.mean)} ± {_like(metric, estimate.mean, half)}"


def format_points(value: float) -> str:
    """Return a difference of fractions in percentage points, signed unless it rounds to zero."""
    shown = f"{100 * value:+.1f}".replace("-", "−")
    return "0.0" if shown[1:] == "0.0" else shown


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
