import re
from html.parser import HTMLParser

import pytest

from fsqa.report import study
from fsqa.report.finding import finding
from fsqa.report.page import render_page
from fsqa.report.page.cost import scatters
from fsqa.report.page.headline import duration, score_charts, tiles
from fsqa.report.page.health import health
from fsqa.report.page.provenance import MOST_COLUMNS, provenance
from fsqa.report.page.render import _breakable
from fsqa.report.page.sweep import sweep
from fsqa.report.page.tables import cost_table, results_table
from tests.report.fake_study import add_run, build_study, questions

VOID = ("meta", "input", "br", "wbr", "line", "polygon", "polyline")


class Page(HTMLParser):
    """What stands in a page; reading it checks that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, *names):
        return [own[name] for _, own in self.elements for name in names if name in own]


def page_of(*folders):
    summary = study.read(*folders)
    return render_page(summary, finding(summary), study.curves(summary))


def add_sweep(folder, losses=("all", "answer", "balanced"), rates=(0.001, 0.01, 0.1), **options):
    """One run per loss and learning rate; later ones score higher and take longer."""
    for number, loss in enumerate(losses):
        for place, rate in enumerate(rates):
            score = (number * len(rates) + place) / (len(losses) * len(rates))
            add_run(
                folder,
                loss,
                0,
                cell=str(rate),
                changes={"optimizer__learning_rate": rate},
                metrics={"test": {"exact_match": score}, "cost": {"seconds": 10.0 + place, "checkpoint_mb": 3.0}},
                **options,
            )
    return folder


@pytest.fixture(scope="module")
def text(study_folder):
    return page_of(study_folder)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return study.read(add_sweep(tmp_path_factory.mktemp("outputs") / "grid"))


def test_page_is_whole_and_loads_nothing(text):
    page = Page(text)
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    loaded = page.values("src", "href", "srcset", "data", "action")
    assert all(value.startswith("#") and value[1:] in ids for value in loaded)
    assert not re.search(r"https?://|@import|url\(", text)


def test_every_panel_has_a_choice_that_shows_it(text):
    page = Page(text)
    choices = {(own["name"], own["value"]) for _, own in page.elements if own.get("type") == "radio"}
    panels = [{tuple(condition.split("=")) for condition in when.split()} for when in page.values("data-when")]
    named = {name for name, _ in choices}
    for panel in panels:
        assert {pair for pair in panel if pair[0] in named} <= choices
    chosen = {pair for pair in choices if pair[0] in ("score", "curve", "over")}
    assert chosen == {pair for panel in panels for pair in panel if pair[0] in ("score", "curve", "over")}


def test_controls_have_names(text):
    for tag, own in Page(text).elements:
        if tag == "input" and own["type"] == "search":
            assert own["aria-label"]
        if own.get("role") in ("region", "img", "group"):
            assert own["aria-label"]


def test_page_says_what_it_must(text):
    for told in ("nearest question", "OutOfMemoryError", "Learning curves", "ierarchical bootstrap", "9f2c9f2c"):
        assert told in text
    assert "(1 failed, 1 interrupted)" in text
    # one setting differs, so there is nothing to tell apart
    assert "What the settings did" not in text


def test_the_same_study_gives_the_same_page(text, study_folder):
    assert page_of(study_folder) == text


def test_page_escapes_everything_a_run_can_say(tmp_path):
    evil = "</script><script>alert(1)</script>\"'&"
    folder = tmp_path / "evil"
    asked = [dict(each, question=evil, references=[evil], kind=evil) for each in questions(2)]
    for loss in ("all", "answer"):
        for cell, rate in enumerate((0.1, 0.2)):
            status = {"choices": {"loss": f"{loss}{evil}"}, "code_version": evil, "host": evil}
            changes = {"optimizer__learning_rate": rate, "model__architecture": evil}
            add_run(folder, loss, 0, cell=str(cell), asked=asked, status=status, changes=changes)
    add_run(folder, "all", 1, state="failed", error={"type": evil, "message": evil})
    text = page_of(folder)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert text.count("<script>") == 1
    assert text.count("</script>") == 1
    assert "What the settings did" in text
    Page(text)


def test_long_samples_are_cut_evenly(tmp_path):
    text = page_of(build_study(tmp_path / "s", ["all"], seeds=1, examples=450))
    assert text.count('<article class="sample') == 200
    assert "200 of 450 test questions, evenly spaced" in text


def test_many_cells(tmp_path):
    for number in range(14):
        changes = {"optimizer__learning_rate": number / 100}
        add_run(tmp_path / "s", "answer", 0, cell=str(number), asked=questions(3), changes=changes)
    text = page_of(tmp_path / "s")
    assert "8 cells with the highest exact match, of 14" in text
    assert 'class="bars compact"' in text


def test_a_page_of_a_hundred_runs_is_small(tmp_path):
    add_sweep(tmp_path / "s", rates=tuple(round(0.001 * step, 3) for step in range(1, 35)))
    assert len(page_of(tmp_path / "s")) < 1_000_000


def test_a_study_in_which_nothing_is_done(tmp_path):
    add_run(tmp_path / "s", "all", 0, state="running", status={"host": ""})
    text = page_of(tmp_path / "s")
    assert "No run has scores yet." in text
    assert "(1 killed)" in text
    assert "its process is gone" in text
    Page(text)


def test_tiles_count_what_there_is(study):
    assert [(tile.value, tile.name) for tile in tiles(study)] == [
        ("4", "cells"),
        ("12 of 14", "runs done"),
        ("3", "seeds per cell"),
        ("24", "test questions"),
        ("13 min", "of training"),
    ]


@pytest.mark.parametrize(("seconds", "told"), [(61, "61 s"), (1800, "30 min"), (9000, "2.5 h")])
def test_durations(seconds, told):
    assert duration(seconds) == told


def test_bars_of_each_headline_metric(study):
    assert [chart.metric.name for chart in score_charts(study)] == ["exact_match", "f1", "answer_nll", "stop_rate"]


def test_results_stand_beside_their_comparison(study):
    table = results_table(study)
    titles = [column.title for column in table.columns]
    assert titles[:6] == ["Seeds", "Exact match, %", "Difference, points", "p, Holm", "Detectable, points", "F1, %"]
    assert "Examples" not in titles
    first, second = table.lines[:2]
    assert (first.label, first.figures[2].text) == ("loss=all", "reference")
    own = study.comparisons[second.label]
    assert second.figures[2].order == own.mean
    assert second.figures[3].order == (own.p if own.adjusted is None else own.adjusted)
    assert second.figures[4].order == own.detectable
    assert all(len(line.figures) == len(titles) for line in (*table.lines, *table.baselines))
    assert table.filters == ()


def test_a_wide_table_is_filtered_by_its_settings(grid):
    table = results_table(grid)
    assert [(each.name, each.values) for each in table.filters] == [
        ("loss", ("all", "answer", "balanced")),
        ("optimizer.learning_rate", ("0.001", "0.01", "0.1")),
    ]
    assert table.lines[0].parts == {"loss": "all", "optimizer.learning_rate": "0.001"}


def test_health_warns_of_answers_that_do_not_end(study):
    found = health(study)
    assert found.titles == ("Stop rate, %", "Answer length", "Repetition rate, %", "Echo rate, %")
    assert found.roles == ("prompt", "answer", "end")
    warned = {cell.label: [symptom.warned for symptom in cell.symptoms] for cell in found.cells}
    assert warned["loss=answer"] == [True, False, False, False]
    assert warned["loss=all"] == [False] * 4
    (own,) = (cell for cell in found.cells if cell.label == "loss=answer")
    assert [(share.role, share.per_cent) for share in own.shares] == [("answer", 100.0)]
    assert (own.truncated, own.dropped) == ("train: 3", "train, empty_answer: 2")


def test_health_has_no_columns_of_nothing(study, grid):
    assert (health(study).is_truncated, health(study).is_dropped) == (True, True)
    assert (health(grid).is_truncated, health(grid).is_dropped) == (False, False)
    text = render_page(grid, finding(grid), ())
    assert "No example was truncated. No record was dropped." in text
    assert ">Truncated<" not in text


def test_numbers_in_labels_stay_whole():
    assert _breakable("lr=1e-05, warmup_steps") == 'lr=<span class="whole">1e-05</span>, warmup_<wbr>steps'
    assert _breakable("a<b/1e-05") == 'a&lt;b/<wbr><span class="whole">1e-05</span>'


def test_the_front_is_what_nothing_cheaper_beats(grid):
    # a cell's time is that of its rate, and the last loss is the best at every rate; all checkpoints are alike
    (scatter,) = scatters(grid)
    assert scatter.cost.name == "seconds"
    assert [point.label for point in scatter.front] == [
        "loss=balanced, optimizer.learning_rate=0.001",
        "loss=balanced, optimizer.learning_rate=0.01",
        "loss=balanced, optimizer.learning_rate=0.1",
    ]
    corners = [tuple(map(float, pair.split(","))) for pair in scatter.stairs.split()]
    assert len(corners) == 5
    # to the right, and never down
    assert [across for across, _ in corners] == sorted(across for across, _ in corners)
    assert [down for _, down in corners] == sorted((down for _, down in corners), reverse=True)


def test_costs_are_tabled_beside_the_score(grid):
    assert [column.title for column in cost_table(grid).columns] == ["Exact match, %", "Seconds", "Checkpoint, MB"]


def test_settings_of_a_sweep(grid):
    found = sweep(grid)
    assert [factor.name for factor in found.factors] == ["loss", "optimizer.learning_rate"]
    (heat,) = found.heat_maps
    assert heat.lines[0][0] == "all"
    fields = [field for _, own in heat.lines for field in own]
    assert (fields[0].warmth, fields[-1].warmth) == (0.0, 100.0)
    assert [field.best for field in fields] == [False] * 8 + [True]
    assert [axis.name for axis in found.axes] == ["loss", "optimizer.learning_rate", "Exact match"]
    assert [tick.label for tick in found.axes[1].ticks] == ["0.001", "0.01", "0.1"]
    best = found.lines[0]
    assert (best.levels, best.value, best.warmth) == ("balanced\n0.1", "88.9", 100.0)
    assert [pair.split(",")[0] for pair in best.points.split()] == ["0", "500", "1000"]


def test_where_one_setting_varies_there_is_nothing_to_tell_apart(study):
    assert sweep(study) is None


def test_provenance_of_a_few_cells(study):
    found = provenance(study)
    assert found.columns == tuple(cell.label for cell in study.cells)
    facts = dict(found.facts)
    assert facts["Machines"] == "node1"
    assert facts["Started"] == "2025-03-01 10:00 to 2025-03-01 10:02"
    assert found.states == "1 failed, 1 interrupted"
    assert [run.state for run in found.unfinished] == ["failed", "interrupted"]


def test_provenance_of_many_cells_counts_values(grid):
    assert len(grid.cells) > MOST_COLUMNS
    values = {setting.key: setting.values for setting in provenance(grid).settings}
    assert values["optimizer.learning_rate"] == ("0.001 (3), 0.01 (3), 0.1 (3)",)
