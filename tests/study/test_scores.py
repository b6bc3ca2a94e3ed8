import json

import numpy as np
import pytest

from fsqa.study.cells import group_runs
from fsqa.study.runs import read_study
from fsqa.study.scores import read_scores, run_estimates
from tests.report.fake_study import add_run, questions


def cell_of(folder):
    (cell,) = group_runs(read_study(folder))
    return cell


def rewrite(run, change):
    path = run / "predictions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows)))


def test_scores_give_the_figures_of_their_runs(tmp_path):
    for seed in (0, 1):
        add_run(tmp_path / "s", "answer", seed, asked=questions(24))
    cell = cell_of(tmp_path / "s")
    scores = read_scores(cell)
    assert scores.metrics == ("exact_match", "f1", "answer_nll", "token_accuracy", "stop_rate")
    assert (scores.seeds, len(scores.ids), scores.left_out) == ((0, 1), 24, 0)
    for metric in scores.metrics:
        wanted = [run.measures.test[metric] for run in cell.runs]
        assert scores.table(metric).mean(axis=1) == pytest.approx(wanted, abs=1e-12), metric


def test_right_and_wrong_take_a_byte_each(tmp_path):
    add_run(tmp_path / "s", "answer", 0, asked=questions(24))
    columns = read_scores(cell_of(tmp_path / "s")).columns
    assert columns["exact_match"][0].dtype == columns["stopped"][0].dtype == np.uint8
    assert columns["answer_nll"][0].dtype == np.float64


def test_examples_are_matched_by_id_and_those_of_some_runs_alone_are_left_out(tmp_path):
    for seed in (0, 1):
        run = add_run(tmp_path / "s", "answer", seed, asked=questions(6))
    # the second run: other order, one example less
    rewrite(run, lambda rows: rows[:0:-1])
    scores = read_scores(cell_of(tmp_path / "s"))
    assert scores.ids == ("q1", "q2", "q3", "q4", "q5")
    assert scores.left_out == 1
    lines = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    wanted = {line["id"]: line["exact_match"] for line in lines}
    assert scores.table("exact_match")[1].tolist() == [wanted[name] for name in scores.ids]


def test_a_column_that_not_every_line_has_is_no_score(tmp_path):
    run = add_run(tmp_path / "s", "answer", 0, asked=questions(6))
    rewrite(run, lambda rows: [row | {"f1": None} if row["id"] == "q2" else row for row in rows])
    assert "f1" not in read_scores(cell_of(tmp_path / "s")).metrics


def test_runs_without_predictions_have_none(tmp_path):
    run = add_run(tmp_path / "s", "answer", 0, asked=questions(6))
    (run / "predictions.jsonl").unlink()
    assert read_scores(cell_of(tmp_path / "s")) is None


def test_figures_of_one_run_lie_in_their_intervals():
    rows = [{"exact_match": place % 3 == 0, "answer_nll": place / 9, "reference_tokens": 1} for place in range(60)]
    found = run_estimates(rows)
    assert list(found) == ["exact_match", "answer_nll"]
    assert found["exact_match"].mean == pytest.approx(1 / 3)
    assert all(each.low < each.mean < each.high and each.of_examples_alone for each in found.values())
    assert found == run_estimates(rows), "the same every time"


@pytest.mark.parametrize("rows", [[], [{"id": "1"}, {"id": "2"}], [{"f1": 0.5}]])
def test_what_has_no_scores_has_no_intervals(rows):
    assert run_estimates(rows) == {}
