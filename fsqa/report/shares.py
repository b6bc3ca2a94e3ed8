"""Intervals of shares of which no scores are at hand, only how many questions they stand on.

Means of scores in 0..1 may stand for shares: they vary at most as much, so that an interval errs on the safe side.
"""

import math

from fsqa.study.statistics import LEVEL


def share_interval(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's interval (1927) of a share at 95 %; all of 0..1 where nothing was counted."""
    from scipy.special import ndtri

    if count <= 0:
        return 0.0, 1.0
    squared = float(ndtri((1 + LEVEL) / 2)) ** 2
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = math.sqrt(squared * (share * (1 - share) / count + squared / (4 * count**2))) / (1 + squared / count)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference_of_shares(first: float, first_count: float, second: float, second_count: float) -> tuple[float, float]:
    """Return the interval of the difference of two independent shares at 95 %: Newcombe's hybrid (1998, method 10)."""
    low_first, high_first = share_interval(first, first_count)
    low_second, high_second = share_interval(second, second_count)
    gap = first - second
    return (
        gap - math.hypot(first - low_first, high_second - second),
        gap + math.hypot(high_first - first, second - low_second),
    )
