import pytest

from benchmarks import scaling


def measured(token: float, example: float) -> dict[str, float]:
    return {"us/token": token, "us/example": example, "CPU us/token": token, "tokens/example": 10.0, "peak MB": 500.0}


def test_rows_are_compared_by_token_and_batches_by_example():
    found = {
        (1_000, 32): [measured(10, 100), measured(20, 200)],
        (2_000, 32): [measured(11, 500), measured(22, 500)],
        (10_000, 8): [measured(40, 400), measured(40, 400)],
        (10_000, 16): [measured(90, 200), measured(90, 200)],
    }
    rows = scaling.table(found, [1_000, 2_000])
    assert [row["x of first"] for row in rows] == pytest.approx([1, 1.1, 1, 0.5])
    assert rows[0]["us/token"] == 15
    assert scaling._growth(rows, 2) == pytest.approx(1.1)


def test_the_median_of_chunks_leaves_a_disturbance_out():
    assert scaling._per([10.0, 1_000.0, 12.0], [10, 10, 10]) == pytest.approx(1.2)
