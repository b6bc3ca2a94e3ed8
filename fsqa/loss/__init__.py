"""Loss strategies: how much each token counts, and over what the mean is taken."""

from fsqa.loss.balanced_kl import BalancedKL
from fsqa.loss.smoothed_kl import SmoothedKL

__all__ = ["BalancedKL", "SmoothedKL"]
