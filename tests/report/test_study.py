import pytest

from fsqa.errors import InputError
from fsqa.report import curves, study
from tests.report.fake_study import add_run
from tests.report.test_labels import many


def test_read_takes_names_and_a_baseline(study_folder):
    summary = study.read(str(study_folder), baseline="balanced")
    assert (summary.title, summary.against) == ("loss", "loss=balanced")
    assert [row.label for row in summary.rows] == ["loss=all", "loss=answer", "loss=answer_end", "loss=balanced"]


def test_several_studies_are_one(tmp_path):
    for name, loss in (("a", "all"), ("b", "answer")):
        add_run(tmp_path / name, loss, 0, metrics={"test": {"exact_match": 0.5}})
    summary = study.read(tmp_path / "a", tmp_path / "b", tmp_path / "a")
    assert (summary.title, len(summary.runs)) == ("a + b", 2)


def test_no_folder():
    with pytest.raises(InputError, match="no study to report"):
        study.read()


def test_curves_of_the_leading_cells_alone_are_read(tmp_path, monkeypatch):
    summary, opened = many(tmp_path / "s", 11), []
    monkeypatch.setattr(curves, "read_history", lambda run: opened.append(run.name) or ())
    assert study.curves(summary) == ()
    assert sorted(opened) == sorted(f"all-{number}-seed0" for number in range(3, 11))
