import struct
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from fsqa.metrics.catalogue import METRICS
from fsqa.report import plots
from fsqa.report import study as studies
from fsqa.report.factors import Factor, Interaction
from fsqa.report.plots.frame import short_count
from fsqa.report.plots.scatter import pareto_front
from fsqa.report.summary import Row
from fsqa.study.statistics import mean_with_interval
from tests.report.test_labels import many


def texts(plot):
    """All words on a plot."""
    return [text.get_text() for text in plot.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]


def titles(plot):
    return [axes.get_title(loc="left") for axes in plot.axes]


def factor(name, *means, importance=0.5, metric="exact_match"):
    levels = tuple(f"{number}" for number in range(len(means)))
    return Factor(name, levels, tuple(mean_with_interval([mean]) for mean in means), importance, metric)


def test_bytes(study):
    plot = plots.overview(study)
    png, svg = plot.png(), plot.svg()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == pytest.approx(150 * plot.get_size_inches(), abs=1)
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    again = plots.overview(study)
    assert (again.png(), again.svg()) == (png, svg)
    assert again._repr_png_() == png


def test_overview(study):
    plot = plots.overview(study)
    (axes,) = plot.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.label for row in study.rows]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([100 * row.estimates["exact_match"].mean for row in study.rows])
    assert titles(plot) == ["loss: exact match, test split"]
    assert plots.overview(study, "answer_nll").axes[0].get_xlabel().startswith("answer NLL   (bar: mean")


def test_overview_of_many_cells_draws_the_best_and_the_one_they_are_compared_with(tmp_path):
    (axes,) = plots.overview(many(tmp_path / "s", 33)).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"learning_rate={number}" for number in (*range(33, 4, -1), 1)]
    assert "30 of 33 cells: the best and the one they are compared with" in axes.get_xlabel()


def test_a_label_with_dollars_is_no_formula(study):
    rows = (replace(study.rows[0], label="cost=$1_000$^{"), *study.rows[1:])
    cells = (replace(study.cells[0], label="cost=$1_000$^{"), *study.cells[1:])
    plot = plots.overview(replace(study, rows=rows, cells=cells))
    assert "cost=$1_000$^{" in texts(plot)
    assert plot.svg()


def test_curves_over_steps_and_over_tokens(study):
    plot = plots.curves(study, studies.curves(study))
    assert titles(plot) == ["Answer NLL, validation", "Exact match, validation, %", "Training loss", "", "", ""]
    assert [axes.get_xlabel() for axes in plot.axes] == ["optimizer steps"] * 3 + ["loss tokens"] * 3
    assert [len(axes.lines) for axes in plot.axes] == [4] * 6
    assert "line: mean over seeds; band: lowest to highest seed" in plot.get_suptitle()
    assert plot.axes[3].lines[0].get_xdata()[-1] == 400 * 640


def test_curves_that_were_asked_for(study):
    plot = plots.curves(study, studies.curves(study), metrics=["train/loss", "train/lr"])
    assert titles(plot) == ["Training loss", ""]


def test_cost(study):
    plot = plots.cost(study)
    (axes,) = plot.axes  # all cells have as many weights
    assert axes.get_xlabel() == "seconds"
    names = [text.get_text() for text in plot.legends[0].get_texts()]
    assert names == ["1  loss=all", "2  loss=answer", "3  loss=answer_end", "4  loss=balanced"]


def test_pareto_front():
    def row(label, seconds, score):
        return Row(label, {"seconds": mean_with_interval([seconds]), "exact_match": mean_with_interval([score])}, 1)

    rows = [
        row("slow", 9, 0.9),
        row("beaten", 5, 0.3),
        row("cheap", 1, 0.4),
        row("also cheap", 1, 0.2),
        row("tie", 9, 0.9),
    ]
    assert [own.label for own in pareto_front(rows, "seconds", METRICS["exact_match"])] == ["cheap", "slow"]


def test_effects():
    plot = plots.effects([factor("loss", 0.2, 0.7, importance=0.8), factor("optimizer.lr", 0.4, 0.5, importance=0.1)])
    assert titles(plot) == ["loss  80 %", "lr  10 %"]
    assert [axes.lines[0].get_ydata() for axes in plot.axes] == [pytest.approx([20, 70]), pytest.approx([40, 50])]
    assert plot.axes[0].get_ylabel() == "Exact match, %"


def test_effects_of_many_factors_draws_the_most_important():
    plot = plots.effects([factor(f"f{number}", 0.1, 0.2, metric="answer_nll") for number in range(8)])
    assert titles(plot) == [f"f{number}  50 %" for number in range(6)]
    assert plot.get_suptitle().endswith("; 6 of 8 settings")
    assert plot.axes[0].get_ylabel() == "Answer NLL"


def test_heat_map():
    pair = Interaction("loss", "optimizer.lr", ("all", "answer"), ("0.1", "0.2"), ((0.1, None), (0.5, 0.9)))
    (axes,) = plots.heat_map(pair).axes
    assert [text.get_text() for text in axes.texts] == ["10.0", "not run", "50.0", "90.0"]
    assert [text.get_color() for text in axes.texts][2:] == ["#1c1b19", "white"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("lr", "loss")


def test_masks(study):
    (axes,) = plots.masks(study).axes
    assert [bar.get_width() for bar in axes.patches][::4] == pytest.approx([78, 0, 17, 5])
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.label for row in study.rows]


def test_where_there_is_nothing_to_draw(study):
    empty = replace(study, rows=(), cells=())
    told = [plots.overview(empty), plots.curves(empty, ()), plots.cost(empty), plots.effects(()), plots.masks(empty)]
    assert [plot.axes[0].texts[0].get_text() for plot in told] == [
        "no cell has a figure for exact match",
        "no curves were logged",
        "the cells do not differ in what they cost",
        "the cells differ in fewer than two settings",
        "no run wrote what its loss was made of",
    ]
    assert all(plot.png() for plot in told)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.5, "0.5"), (2000, "2000"), (20000, "20 k"), (1.5e6, "1.5 M"), (float("nan"), "")]
)
def test_counts(value, shown):
    assert short_count(value) == shown
