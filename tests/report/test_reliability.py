import json

import pytest

from fsqa.report.page.reliability import reliability_charts
from fsqa.report.plots import reliability
from fsqa.report.reliability import reliabilities
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


def sure(folder, loss, seed, *answers, changes=None):
    """A run whose answers have the given pairs of confidence and exact match."""
    rows = [{"id": str(place), "confidence": sure, "exact_match": right} for place, (sure, right) in enumerate(answers)]
    mean = sum(row["confidence"] for row in rows) / len(rows)
    metrics = {"test": {"exact_match": 0.5, "confidence": mean}}
    run = add_run(folder, loss, seed, metrics=metrics, changes=changes)
    (run / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(folder):
    summary = summarise("s", read_study(folder))
    return summary, reliabilities(summary)


def test_the_answers_of_all_seeds_stand_together(tmp_path):
    sure(tmp_path / "s", "all", 0, (0.95, 1), (0.15, 0))
    sure(tmp_path / "s", "all", 1, (0.95, 0), (0.15, 0))
    _, (cell,) = read(tmp_path / "s")
    assert [(each.count, each.accuracy) for each in cell.bins] == [(2, 0.0), (2, 0.5)]
    assert cell.count == 4
    # half of the answers are 15 points too sure, half of them 45
    assert cell.error == pytest.approx(0.3)


def test_as_many_bins_as_the_run_compared(tmp_path):
    scorer = {"calibration": {"bins": 2}}
    for loss in ("all", "answer"):
        sure(tmp_path / "s", loss, 0, (0.95, 1), (0.65, 0), (0.1, 0), changes={"metrics": scorer})
    _, cells = read(tmp_path / "s")
    assert [[each.count for each in cell.bins] for cell in cells] == [[1, 2], [1, 2]]


def test_the_chart_tells_what_it_draws(tmp_path):
    sure(tmp_path / "s", "all", 0, (0.95, 1), (0.95, 0), (0.15, 0))
    summary, cells = read(tmp_path / "s")
    (chart,) = reliability_charts(summary, cells)
    assert [(bar.left, bar.width, bar.height, bar.count) for bar in chart.bars] == [
        (10.0, 10.0, 0.0, "1"),
        (90.0, 10.0, 50.0, "2"),
    ]
    assert chart.bars[1].told == "confidence 90 to 100 %: 50.0 % right of 2 answers, mean confidence 95.0 %"
    assert chart.error == "35.0"
    titles = [axes.get_title(loc="left") for axes in reliability(summary, cells).axes]
    assert titles == ["tiny_gpt_neo\nECE 35.0 %"]


def test_without_confidence_no_answers_are_read(study, monkeypatch):
    monkeypatch.setattr("fsqa.report.reliability.read_lines", lambda path: pytest.fail(f"read {path}"))
    assert reliabilities(study) == ()
