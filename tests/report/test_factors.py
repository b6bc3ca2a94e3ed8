import pytest

from fsqa.report.factors import NOT_SET, factors, interactions
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


def sweep(folder, scores, seeds=1):
    """A study whose cells are (loss, learning rate); the score of seed n is 0.01 n higher than that of seed 0."""
    for (loss, rate), score in scores.items():
        for seed in range(seeds):
            metrics = {"test": {"exact_match": score + 0.01 * seed}}
            changes = {} if rate is None else {"optimizer__learning_rate": rate}
            add_run(folder, loss, seed, cell=str(rate), metrics=metrics, changes=changes)
    return summarise("sweep", read_study(folder))


GRID = {
    ("all", 0.001): 0.1,
    ("all", 0.01): 0.3,
    ("answer", 0.001): 0.5,
    ("answer", 0.01): 0.9,
    ("balanced", 0.001): 0.5,
    ("balanced", 0.01): 0.7,
}


def test_main_effects_of_a_grid(tmp_path):
    loss, rate = factors(sweep(tmp_path / "s", GRID))
    assert (loss.name, loss.levels) == ("loss", ("all", "answer", "balanced"))
    assert [effect.mean for effect in loss.effects] == pytest.approx([0.2, 0.7, 0.6])
    assert (rate.name, rate.levels) == ("optimizer.learning_rate", ("0.001", "0.01"))
    assert [effect.mean for effect in rate.effects] == pytest.approx([1.1 / 3, 1.9 / 3])
    assert [effect.low for effect in (*loss.effects, *rate.effects)] == [None] * 5


def test_importance_in_a_grid_is_the_share_of_a_functional_anova(tmp_path):
    loss, rate = factors(sweep(tmp_path / "s", GRID))
    # squared deviations from 0.5: all cells 0.4, losses 2 (0.09 + 0.04 + 0.01), rates 6 (0.4 / 3)^2
    assert loss.importance == pytest.approx(0.28 / 0.4)
    assert rate.importance == pytest.approx(6 * (0.4 / 3) ** 2 / 0.4)


def test_importance_where_a_combination_is_missing(tmp_path):
    scores = {("all", 0.001): 0.0, ("all", 0.01): 0.2, ("answer", 0.001): 0.4}
    found = {factor.name: factor.importance for factor in factors(sweep(tmp_path / "s", scores))}
    # the additive model fits three cells exactly: R^2 alone is 0.75 for the loss and 0 for the rate, with both it is 1
    assert found == pytest.approx({"loss": (0.75 + 1.0) / 2, "optimizer.learning_rate": (0.0 + 0.25) / 2})


def test_interval_over_seeds_where_all_cells_of_a_level_have_them(tmp_path):
    summary = sweep(tmp_path / "s", GRID, seeds=3)
    effect = factors(summary)[0].effects[0]
    assert effect.values == pytest.approx((0.2, 0.21, 0.22))
    # 4.30265272991 * 0.01 / sqrt(3)
    assert effect.high - effect.mean == pytest.approx(0.02484137712)
    add_run(tmp_path / "s", "all", 3, cell="0.001", metrics={"test": {"exact_match": 0.2}})
    uneven = factors(summarise("sweep", read_study(tmp_path / "s")))[0].effects[0]
    assert (uneven.low, uneven.values) == (None, (uneven.mean,))
    assert uneven.mean == pytest.approx((0.1325 + 0.31) / 2)


def test_numbers_are_sorted_as_numbers(tmp_path):
    scores = {(loss, rate): rate for loss in ("all", "answer") for rate in (10.0, 9.0, 1e-05)}
    found = {factor.name: factor for factor in factors(sweep(tmp_path / "s", scores))}
    assert found["optimizer.learning_rate"].levels == ("1e-05", "9.0", "10.0")
    assert found["optimizer.learning_rate"].importance == pytest.approx(1.0)
    assert found["loss"].importance == pytest.approx(0.0)


def test_many_numbers_become_ranges(tmp_path):
    scores = {(loss, rate / 10): rate / 100 for loss in ("all", "answer") for rate in range(1, 13)}
    found = {factor.name: factor for factor in factors(sweep(tmp_path / "s", scores))}
    rate = found["optimizer.learning_rate"]
    assert rate.levels == ("0.1 to 0.3", "0.4 to 0.6", "0.7 to 0.9", "1.0 to 1.2")
    assert [effect.mean for effect in rate.effects] == pytest.approx([0.02, 0.05, 0.08, 0.11])


def test_all_alike_explains_nothing(tmp_path):
    scores = dict.fromkeys(GRID, 0.4)
    assert [factor.importance for factor in factors(sweep(tmp_path / "s", scores))] == [0.0, 0.0]


@pytest.mark.parametrize("cells", [2, 3], ids=["two cells", "one factor"])
def test_no_factors(tmp_path, cells):
    scores = {("all", 0.001): 0.1, ("answer", 0.01): 0.2} if cells == 2 else {("all", r): r for r in (0.1, 0.2, 0.3)}
    summary = sweep(tmp_path / "s", scores)
    assert factors(summary) == ()
    assert interactions(summary) == ()


def test_a_value_of_its_own_in_every_cell_is_no_factor(tmp_path):
    for number, (loss, rate) in enumerate(GRID):
        changes = {"optimizer__learning_rate": rate, "batch_size": number + 1}
        metrics = {"test": {"exact_match": GRID[loss, rate]}}
        add_run(tmp_path / "s", loss, 0, cell=str(rate), metrics=metrics, changes=changes)
    found = factors(summarise("sweep", read_study(tmp_path / "s")))
    assert [factor.name for factor in found] == ["loss", "optimizer.learning_rate"]


def test_a_setting_that_a_cell_lacks(tmp_path):
    for number, (rank, loss) in enumerate([(None, "all"), (4, "all"), (8, "all"), (4, "answer"), (8, "answer")]):
        changes = {} if rank is None else {"optimizer__rank": rank}
        metrics = {"test": {"exact_match": number / 10}}
        add_run(tmp_path / "s", loss, 0, cell=str(rank), metrics=metrics, changes=changes)
    found = {factor.name: factor for factor in factors(summarise("sweep", read_study(tmp_path / "s")))}
    assert found["optimizer.rank"].levels == (NOT_SET, "4", "8")


def test_interaction(tmp_path):
    scores = dict(GRID)
    del scores["all", 0.01]
    (pair,) = interactions(sweep(tmp_path / "s", scores))
    assert (pair.rows, pair.columns) == ("loss", "optimizer.learning_rate")
    assert (pair.row_levels, pair.column_levels) == (("all", "answer", "balanced"), ("0.001", "0.01"))
    assert pair.values == ((0.1, None), (0.5, 0.9), (0.5, 0.7))
