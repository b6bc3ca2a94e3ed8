import pytest

from fsqa.report.shares import difference_of_shares, share_interval


def test_wilson():
    # 81 of 263, as Newcombe (1998) gives it in his table I, method 3
    assert share_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert share_interval(0.5, 0) == (0.0, 1.0)


def test_newcombe():
    # 56 of 70 and 48 of 80: example (a) of Newcombe (1998), method 10
    assert difference_of_shares(56 / 70, 70, 48 / 80, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_difference_seen_from_the_other_side():
    low, high = difference_of_shares(0.9, 30, 0.4, 50)
    assert difference_of_shares(0.4, 50, 0.9, 30) == pytest.approx((-high, -low))
