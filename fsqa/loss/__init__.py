"""Loss strategies: how much each token counts, and over what the mean is taken."""

from fsqa.loss.balanced_kl import BalancedKL
from fsqa.loss.smoothed_kl import SmoothedKL
from fsqa.loss.span_kl import SpanKL

__all__ = ["BalancedKL", "SmoothedKL", "SpanKL"]
