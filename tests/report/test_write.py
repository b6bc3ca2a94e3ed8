import io
import re
import struct
from html.parser import HTMLParser

import pytest
from rich.console import Console

from fsqa.errors import InputError
from fsqa.report.write import write_report
from tests.report.fake_study import add_run, build_study, questions


def report(*folders, **options):
    console = Console(file=io.StringIO(), width=100)
    files = write_report(folders, console=console, **options)
    return files, console.file.getvalue()


@pytest.fixture(scope="module")
def written(study_folder):
    return report(study_folder)


def test_files_and_what_is_printed(written, study_folder):
    files, text = written
    for path in files.paths:
        assert path.parent == study_folder / "report"
        assert f"wrote {path}" in text
    assert "not averaged: all-base-seed3: failed: OutOfMemoryError" in text
    assert "loss=answer_end has the highest exact match" in text
    assert sorted(path.name for path in (study_folder / "report").iterdir()) == sorted(
        path.name for path in files.paths
    )


def test_pictures_are_pictures(written):
    for path in (written[0].overview, written[0].curves):
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", content[16:24])
        assert width > 600
        assert height > 300


def test_the_same_study_gives_the_same_bytes(written, study_folder):
    before = {path: path.read_bytes() for path in written[0].paths}
    report(study_folder)
    assert {path: path.read_bytes() for path in before} == before


class Tags(HTMLParser):
    """Collects what a page loads, and checks that every element is closed."""

    empty = ("meta", "input", "br", "wbr", "line", "polygon")

    def __init__(self):
        super().__init__()
        self.open = []
        self.loads = []
        self.ids = []

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in self.empty:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_whole_and_loads_nothing(written):
    text = written[0].page.read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert len(set(tags.ids)) == len(tags.ids)
    assert all(value.startswith("#") and value[1:] in tags.ids for value in tags.loads)
    assert not re.search(r"https?://|@import|url\(", text)


def test_page_says_what_it_must(written):
    text = written[0].page.read_text()
    for told in (
        "nearest question",
        "OutOfMemoryError",
        "Learning curves",
        "rarely",
        "hierarchical bootstrap",
        "9f2c9f2c",
    ):
        assert told in text


def test_page_escapes_everything_a_run_can_say(tmp_path):
    evil = "<script>alert(1)</script>\"'&"
    study = tmp_path / "evil"
    asked = [dict(questions(1)[0], question=evil, references=[evil], kind=evil)]
    for loss in ("all", "answer"):
        add_run(study, loss, 0, asked=asked, status={"choices": {"loss": f"{loss}{evil}"}, "code_version": evil})
    add_run(study, "all", 1, state="failed", error={"type": evil, "message": evil})
    files, text = report(study)
    page = files.page.read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert page.count("<script>") == 1
    assert "<script>alert(1)</script>" in text


def test_long_samples_are_cut_evenly(tmp_path):
    build_study(tmp_path / "s", ["all"], seeds=1, examples=450)
    page = report(tmp_path / "s")[0].page.read_text()
    assert page.count('<article class="sample') == 200
    assert "200 of 450 test questions" in page


def test_many_cells(tmp_path):
    for number in range(11):
        changes = {"optimizer__learning_rate": number / 100}
        add_run(tmp_path / "s", "answer", 0, cell=str(number), asked=questions(3), changes=changes)
    page = report(tmp_path / "s")[0].page.read_text()
    assert "8 cells with the highest exact match, of 11" in page


@pytest.mark.parametrize("metrics", [{}, {"test": {}}, {"test": {"f1": 0.5}}, {"test": {"exact_match": float("inf")}}])
def test_runs_that_measured_little(tmp_path, metrics):
    run = add_run(tmp_path / "s", "all", 0, metrics=metrics)
    add_run(tmp_path / "s", "answer", 0, metrics={"test": {"exact_match": 0.5}})
    (run / "history.jsonl").unlink()
    files, _ = report(tmp_path / "s")
    assert all(path.stat().st_size for path in files.paths)


def test_a_study_in_which_nothing_is_done(tmp_path):
    add_run(tmp_path / "s", "all", 0, state="running")
    files, text = report(tmp_path / "s")
    assert "no run is done yet" in text
    assert "still running, or killed" in files.page.read_text()


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
