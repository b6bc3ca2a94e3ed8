import argparse

import pytest

from benchmarks.arguments import positive


def test_whole_numbers_from_one_on():
    assert [positive(text) for text in ("1", "20")] == [1, 20]


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_anything_else_is_told_in_one_line(text):
    with pytest.raises(argparse.ArgumentTypeError, match="wanted a whole number of 1 or more, got"):
        positive(text)
