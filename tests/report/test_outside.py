import re

import pytest

from fsqa.metrics.scoring import Scoring, score_answer
from fsqa.report import study
from fsqa.report.factors import factors
from fsqa.report.finding import finding
from fsqa.report.latex import latex_table
from fsqa.report.write import write_report
from fsqa.study.outside import outside_cells
from fsqa.study.runs import read_study
from fsqa.types import Record
from tests.report.fake_study import add_run, build_study, questions
from tests.report.fake_topics import add_outside
from tests.report.test_page import add_sweep


def said(asked, share):
    """Scored answers of which the first ``share`` are right."""
    rows = []
    for place, each in enumerate(asked):
        record = Record(id=each["id"], question=each["question"], answers=tuple(each["references"]), kind=each["kind"])
        rows.append(score_answer(record, record.answers[0] if place < share * len(asked) else "nothing"))
    return rows


def beside(folder, name="gpt-3", share=0.75, **status):
    rows = said(questions(24), share)
    return add_outside(folder, name, rows, Scoring().summarize(rows), **status)


@pytest.fixture
def folder(tmp_path):
    folder = build_study(tmp_path / "loss", ["all", "answer"])
    beside(folder)
    return folder


def test_it_is_a_row_after_the_cells(folder):
    summary = study.read(folder)
    assert [(row.label, row.seeds, row.outside) for row in summary.rows] == [
        ("loss=all", 3, False),
        ("loss=answer", 3, False),
        ("gpt-3 (outside)", 1, True),
    ]
    assert summary.rows[2].estimates["exact_match"].mean == 0.75
    # it differs from the others in nothing that they are named by
    assert [cell.settings for cell in summary.cells][2] == {}


def test_it_is_compared_beside_every_seed(folder):
    difference = study.read(folder).comparisons["gpt-3 (outside)"]
    assert (difference.seeds, difference.examples) == (3, 24)
    other = study.read(folder, baseline="gpt-3")
    assert other.against == "gpt-3 (outside)"
    assert other.comparisons["loss=all"].mean == pytest.approx(-difference.mean)
    assert other.comparisons["loss=all"].seeds == 3
    assert not [note for note in other.notes if "common seeds" in note]


def test_nothing_is_said_of_its_seeds(folder):
    assert finding(study.read(folder)).startswith("loss=answer has the highest exact match")
    beside(folder, "human", 1.0)
    assert re.match(
        r"human \(outside\) has the highest exact match, 100.0 \S+ \S+ %\. It leads", finding(study.read(folder))
    )


def test_two_of_them_share_their_one_measurement(folder):
    beside(folder, "other", 0.25)
    difference = study.read(folder, baseline="gpt-3").comparisons["other (outside)"]
    assert (difference.seeds, difference.mean) == (1, -0.5)


def test_what_it_lacks_is_not_held_against_the_study(folder):
    notes = " ".join(study.read(folder).notes)
    assert "Scored from a file of answers, and not trained here: gpt-3 (outside)." in notes
    for told in ("same seeds", "tokenizer", "different code", "machines", "One seed"):
        assert told not in notes


def test_other_questions_are_not_compared(tmp_path):
    folder = build_study(tmp_path / "loss", ["all", "answer"])
    rows = said([each | {"question": f"And {each['question']}"} for each in questions(24)], 0.5)
    add_outside(folder, "gpt-3", rows, Scoring().summarize(rows))
    assert "Not compared with loss=all (gpt-3 (outside): other test questions)." in study.read(folder).notes


def test_a_setting_explains_nothing_of_it(tmp_path):
    folder = add_sweep(tmp_path / "grid")
    before = factors(study.read(folder))
    beside(folder)
    assert factors(study.read(folder)) == before
    assert {factor.name for factor in before} == {"loss", "optimizer.learning_rate"}


def test_a_whole_report_of_it(folder, capsys):
    files = write_report([folder])
    assert "gpt-3 (outside)" in capsys.readouterr().out
    assert "gpt-3 (outside)" in files.page.read_text()
    assert re.search(r"^\| gpt-3 \(outside\) \| 1 \|", (files.folder / "table.md").read_text(), re.MULTILINE)
    assert "gpt-3 (outside) & 1 &" in latex_table(study.read(folder))


def test_nothing_but_files_of_answers(tmp_path):
    beside(tmp_path / "s")
    summary = study.read(tmp_path / "s")
    assert [row.label for row in summary.rows] == ["gpt-3 (outside)"]
    write_report([tmp_path / "s"])


def test_one_name_twice_is_told_apart_and_a_second_scoring_replaces_the_first(tmp_path):
    beside(tmp_path / "s", "a", cell_hash="one", choices={"model": "gpt"})
    beside(tmp_path / "s", "b", cell_hash="two", choices={"model": "gpt"})
    beside(tmp_path / "s", "c", cell_hash="two", choices={"model": "gpt"}, started="2025-04-01")
    first, second = outside_cells(read_study(tmp_path / "s"))
    assert (first.label, second.label) == ("gpt #one (outside)", "gpt #two (outside)")
    assert [run.name for run in second.runs] == ["outside-c"]


def test_baselines_of_all_that_was_trained_are_drawn(folder):
    from fsqa.report.plots import overview

    labels = [text.get_text() for text in overview(study.read(folder)).legends[0].get_texts()]
    assert [label.rpartition(" ")[0] for label in labels] == [
        "untouched model",
        "most frequent answer",
        "nearest question",
    ]


def test_a_run_that_failed_keeps_its_cell(tmp_path):
    add_run(tmp_path / "s", "all", 0, asked=questions(6))
    beside(tmp_path / "s", state="failed", error={"type": "ValueError", "message": "no"})
    summary = study.read(tmp_path / "s")
    assert [run.name for run in summary.unfinished] == ["outside-gpt-3"]
    assert "gpt-3 (outside): no run is done, so it has no figures." in summary.notes
