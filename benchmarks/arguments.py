"""Values that options of the benchmarks share."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Read a whole number from 1 on; argparse tells of anything else in one line."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"wanted a whole number of 1 or more, got {text}")
    return value
