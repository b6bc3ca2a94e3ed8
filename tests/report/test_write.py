import io
import shutil
import socket

import pytest
from rich.console import Console

from fsqa.errors import InputError
from fsqa.report import write
from fsqa.report.plots import Plot
from fsqa.report.write import MOST_NOTES, write_report
from tests.report.fake_study import add_run, build_study, questions
from tests.report.fake_topics import refusal_study


def report(*folders, **options):
    console = Console(file=io.StringIO(), width=100)
    files = write_report(folders, console=console, **options)
    return files, console.file.getvalue()


@pytest.fixture
def without_plots(monkeypatch):
    """Leave out what takes longest, where a test is not about it."""
    monkeypatch.setattr(write, "_plots", lambda *_: ())


@pytest.fixture
def without_png(monkeypatch):
    """Draw every plot once, as SVG, where a test is not about the second picture of it."""
    monkeypatch.setattr(Plot, "png", lambda _: b"png")


@pytest.fixture(scope="module")
def written(study_folder):
    return report(study_folder)


def test_files_and_what_is_printed(written, study_folder):
    files, text = written
    assert files.folder == study_folder / "report"
    assert f"wrote {files.page}\n" in text
    assert "beside it: table.csv, cost.csv, table.md, table.tex, overview.png, overview.svg" in text
    assert "not averaged: all-base-seed3: failed: OutOfMemoryError" in text
    assert "loss=answer_end has the highest exact match" in text
    assert sorted(path.name for path in files.folder.iterdir()) == sorted(files.names)
    assert [path.name for path in files.paths] == list(files.names)


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("cells", [1, 2], ids=["one cell", "two cells and what their difference is"])
def test_one_empty_line_parts_the_tables(tmp_path, cells):
    study = refusal_study(tmp_path / "s", seeds=1)
    if cells == 1:
        shutil.rmtree(study / "answer_end-base-seed0")
    _, text = report(study)
    lines = [line.strip() for line in text.splitlines()]
    place = lines.index("By kind of question")
    assert ("Δ: points to" in text) == (cells == 2)
    assert lines[place - 1] == ""
    assert lines[place - 2] != ""


@pytest.mark.usefixtures("without_png")
def test_a_plot_that_the_study_no_longer_has_goes(tmp_path):
    study = tmp_path / "s"
    for number in range(4):
        changes = {"optimizer__learning_rate": number % 2 + 1, "batch_size": number // 2 + 1}
        metrics = {"test": {"exact_match": number / 10}}
        add_run(study, "all", 0, cell=str(number), metrics=metrics, changes=changes)
    files, _ = report(study)
    assert {"effects.png", "effects.svg", "heat_map.png", "heat_map.svg"} <= set(files.names)
    shutil.rmtree(study / "all-3-seed0")
    shutil.rmtree(study / "all-2-seed0")
    (study / "report" / "mine.png").write_bytes(b"")
    files, _ = report(study)
    assert sorted(path.name for path in files.folder.iterdir()) == sorted([*files.names, "mine.png"])
    assert "effects.png" not in files.names


@pytest.mark.usefixtures("without_plots")
def test_many_notes_are_not_all_printed(tmp_path):
    for number in range(15):
        add_run(tmp_path / "s", "all", number, state="interrupted")
    _, text = report(tmp_path / "s")
    assert text.count("\nnot averaged: ") + text.count("\nnote: ") == MOST_NOTES
    assert "more notes: see report.html" in text


@pytest.mark.usefixtures("without_plots")
def test_a_folder_that_cannot_be_written(tmp_path):
    add_run(tmp_path / "s", "all", 0, asked=questions(3))
    (tmp_path / "s" / "report").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"cannot write the report into '.*/s/report': .*; make room or give rights"):
        report(tmp_path / "s")


@pytest.mark.usefixtures("without_plots")
def test_another_metric_orders_and_compares(tmp_path):
    for loss, f1 in (("all", 0.9), ("answer", 0.2)):
        add_run(tmp_path / "s", loss, 0, metrics={"test": {"exact_match": 1 - f1, "f1": f1}})
    files, text = report(tmp_path / "s", metric="f1")
    assert text.index("F1 %") < text.index("EM %")
    assert "f1_difference_mean" in (files.folder / "table.csv").read_text().splitlines()[0]


def test_an_unknown_baseline(tmp_path):
    build_study(tmp_path / "s", ["all", "answer"], seeds=1, examples=3)
    with pytest.raises(InputError, match=r"no cell 'loss=answr'.*did you mean 'loss=answer'"):
        report(tmp_path / "s", baseline="loss=answr")
    assert not (tmp_path / "s" / "report").exists()


def test_the_same_study_gives_the_same_bytes(written, study_folder):
    before = {path: path.read_bytes() for path in written[0].paths}
    report(study_folder)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.usefixtures("without_plots")
def test_the_terminal_shows_markup_as_it_is(tmp_path):
    evil = "[bold]<script>alert(1)</script>\"'&"
    for loss in ("all", "answer"):
        add_run(tmp_path / "evil", loss, 0, asked=questions(2), status={"choices": {"loss": f"{loss}{evil}"}})
    add_run(tmp_path / "evil", "all", 1, state="failed", error={"type": evil, "message": evil})
    assert "[bold]<script>alert(1)</script>" in report(tmp_path / "evil")[1]


@pytest.mark.usefixtures("without_png")
@pytest.mark.parametrize("metrics", [{}, {"test": {}}, {"test": {"f1": 0.5}}, {"test": {"exact_match": float("inf")}}])
def test_runs_that_measured_little(tmp_path, metrics):
    run = add_run(tmp_path / "s", "all", 0, metrics=metrics)
    add_run(tmp_path / "s", "answer", 0, metrics={"test": {"exact_match": 0.5}})
    (run / "history.jsonl").unlink()
    files, _ = report(tmp_path / "s")
    assert all(path.stat().st_size for path in files.paths)


@pytest.mark.usefixtures("without_png")
def test_a_study_in_which_nothing_is_done(tmp_path):
    add_run(tmp_path / "s", "all", 0, state="running", status={"host": "another"})
    add_run(tmp_path / "s", "all", 1, state="running", status={"host": socket.gethostname()})
    files, text = report(tmp_path / "s")
    assert "no run is done yet" in text
    assert "not averaged: all-base-seed0: running: " in text
    assert "not averaged: all-base-seed1: killed: its process is gone; the same command resumes it" in text
    assert "Not averaged: all-base-seed1: killed: " in (files.folder / "table.md").read_text()


@pytest.mark.usefixtures("without_plots")
def test_several_studies_get_a_report_of_their_own(tmp_path):
    add_run(tmp_path / "a", "all", 0, asked=questions(3))
    add_run(tmp_path / "b", "answer", 0, asked=questions(3))
    files, text = report(tmp_path / "a", tmp_path / "b", baseline="loss=answer")
    assert files.page.parent == tmp_path / "a" / "report-with-b"
    assert "a + b" in text


def test_no_study_is_told_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    for folders in ((), (tmp_path / "missing",), (tmp_path / "empty",)):
        with pytest.raises(InputError) as error:
            report(*folders)
        assert "\n" not in str(error.value)
    assert list((tmp_path / "empty").iterdir()) == []
