import pytest

from fsqa.report.charts import (
    MOST_BARS,
    MOST_POINTS,
    axis_label,
    bar_chart,
    line_charts,
    nice_axis,
    nice_ticks,
)
from fsqa.report.curves import Curve
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1.0)), (0.2, 6.4, (0, 2, 4, 6, 8)), (5, 5, (5, 6))],
)
def test_ticks_are_round_and_enclose(low, high, ticks):
    assert nice_ticks(low, high) == ticks


def test_an_axis_holds_its_values():
    axis = nice_axis([10.0, 30.0])
    assert not axis.logarithmic
    assert (axis.low, axis.high) == pytest.approx((8.8, 31.2))
    assert [tick.label for tick in axis.ticks] == ["10", "20", "30"]
    assert axis.place(20.0) == 50.0
    assert (axis.place(-5), axis.place(99)) == (0.0, 100.0)


def test_an_axis_of_fractions_is_labelled_in_per_cent_and_one_near_zero_starts_there():
    axis = nice_axis([0.01, 0.9], percent=True)
    assert axis.low == 0
    assert [tick.label for tick in axis.ticks] == ["0", "50"]


def test_values_that_lie_far_apart_get_a_logarithmic_axis():
    axis = nice_axis([1e5, 1e8], logarithmic=True)
    assert axis.logarithmic
    assert [tick.label for tick in axis.ticks] == ["100 k", "1 M", "10 M", "100 M"]
    middle = axis.place(10**6.5)
    assert middle == 50.0
    assert not nice_axis([1.0, 19.0], logarithmic=True).logarithmic
    assert not nice_axis([0.0, 1e9], logarithmic=True).logarithmic


def test_one_value_has_an_axis_too():
    axis = nice_axis([7.0])
    assert axis.low < 7 < axis.high


@pytest.mark.parametrize(
    ("value", "label"),
    [(0.001, "0.001"), (9999, "9999"), (20000, "20 k"), (3.5e6, "3.5 M"), (2e9, "2 G")],
)
def test_labels_of_an_axis(value, label):
    assert axis_label(value) == label


def test_bars_of_a_few_cells_stand_in_their_order(study):
    chart = bar_chart(study, "exact_match")
    assert [bar.label for bar in chart.bars] == [row.label for row in study.rows]
    assert [bar.label for bar in chart.bars if bar.best] == ["loss=answer_end"]
    assert [tick.label for tick in chart.ticks] == ["0", "20", "40", "60", "80", "100"]
    first = chart.bars[0]
    assert first.length == pytest.approx(100 * study.rows[0].estimates["exact_match"].mean, abs=1e-3)
    assert len(first.dots) == 3
    assert [mark.label for mark in first.references][-1] == "nearest question: 41.7"
    assert chart.left_out == 0
    assert bar_chart(study, "answerable_f1") is None


def test_of_many_cells_the_best_have_bars(tmp_path):
    for number in range(MOST_BARS + 3):
        changes = {"optimizer__learning_rate": number}
        metrics = {"test": {"exact_match": number / 100, "answer_nll": float(number)}}
        add_run(tmp_path / "s", "all", 0, cell=str(number), metrics=metrics, changes=changes)
    summary = summarise("s", read_study(tmp_path / "s"))
    most, least = MOST_BARS + 2, 0
    for name, best in (("exact_match", most), ("answer_nll", least)):
        chart = bar_chart(summary, name)
        assert len(chart.bars) == MOST_BARS
        assert chart.left_out == 3
        assert chart.bars[0].label == f"optimizer.learning_rate={best}"


def curve(label, metric, steps, values, tokens=()):
    values = tuple(values)
    return Curve(label, metric, tuple(steps), tuple(tokens), values, values, values)


def test_lines_over_steps_and_over_tokens(study):
    one = curve("loss=all", "val/answer_nll", (0.0, 50.0, 100.0), (4.0, 2.0, 0.0), (0.0, 10.0, 40.0))
    over_steps, over_tokens = line_charts(study, [one])
    assert (over_steps.over, over_steps.axis) == ("steps", "optimizer steps")
    assert (over_tokens.over, over_tokens.axis) == ("tokens", "tokens in the loss")
    (line,) = over_steps.lines
    # four is the highest value, with a little room above it
    assert line.points == "0.0,38.5 500.0,519.2 1000.0,1000.0"
    assert (line.across, line.values, line.last) == ("0 50 100", "4 2 0", "0")
    assert over_tokens.lines[0].points.split()[1] == "250.0,519.2"
    assert [tick.place for tick in over_steps.horizontal] == [0.0, 50.0, 100.0]


def test_a_long_curve_keeps_its_ends(study):
    long = curve("loss=all", "val/answer_nll", map(float, range(1000)), map(float, range(1000)))
    (chart,) = line_charts(study, [long])
    across = chart.lines[0].across.split()
    assert len(across) == MOST_POINTS
    assert (across[0], across[-1]) == ("0", "999")


def test_cells_that_do_not_lead_have_no_line(study):
    assert line_charts(study, [curve("loss=unknown", "val/answer_nll", (1.0,), (1.0,))]) == ()


def test_a_single_point_is_no_curve(study):
    label = study.rows[0].label
    one = Curve(label, "val/f1", (10.0,), (), (1.0,), (1.0,), (1.0,))
    two = Curve(label, "train/loss", (0.0, 10.0), (), (2.0, 1.0), (2.0, 1.0), (2.0, 1.0))
    assert [chart.metric for chart in line_charts(study, [one, two])] == ["train/loss"]
