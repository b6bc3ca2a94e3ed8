"""Ways of computing the same thing faster; none changes what a run computes beyond rounding."""

from fsqa.speed.choices import PLAIN, Speed

__all__ = ["PLAIN", "Speed"]
