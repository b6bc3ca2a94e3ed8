import pytest

from benchmarks import data
from benchmarks.data import MOST_MB, MOST_SECONDS, WAYS, beyond, measured
from fsqa.errors import InputError


def row(what: str, seconds: float = 0.5, peak: float = 500.0) -> dict[str, object]:
    return {"what": what, "wall s": seconds, "peak MB": peak}


def test_what_takes_too_long_or_too_much_is_told():
    name, most = next(iter(MOST_SECONDS.items()))
    rows = [row(name, most), row(name, most + 0.1), row("atlas 1,000, cold", 0.1, MOST_MB + 1)]
    rows += [row("tokenising, fsqa", 1e4, 1e4)]
    assert beyond(rows) == [name, "atlas 1,000, cold"]


def test_a_limit_is_of_a_case_that_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "_in_child", lambda task: {"rows": 1})
    names = [found["what"] for found in data._cases(data.SIZES[-1], tmp_path)]
    assert set(MOST_SECONDS) <= set(names)
    assert [found["what"] for found in data._cases(999, tmp_path)] == ["nq_open, cold", "nq_open, cached"]


def test_the_second_time_finds_what_the_first_left(tmp_path):
    words = ["dataset.questions=300", "dataset.phrasings=1", "dataset.validation_questions=5"]
    words += ["dataset.test_questions=5", "model.vocabulary=300"]
    task = {"cache": str(tmp_path), "words": words}
    cold = measured(task)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    cached = measured(task)
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert {path.name for path in tmp_path.iterdir()} == {"records", "tokenizers", "examples"}
    assert cold["rows"] == cached["rows"] == 310
    assert cold["peak MB"] > 0


def test_all_ways_of_tokenising_give_the_same_ids(monkeypatch):
    monkeypatch.setattr(data, "TEXTS", 500)
    found = [measured({"way": way}) for way in WAYS]
    assert [one["rows"] for one in found] == [500] * len(WAYS)
    assert len({one["ids"] for one in found}) == 1


def test_different_ids_are_an_error(monkeypatch):
    monkeypatch.setattr(data, "_in_child", lambda task: {"ids": task["way"]})
    with pytest.raises(AssertionError, match="different ids"):
        data._tokenising_rows()


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(InputError, match="wanted the folder of nq_open"):
        data.main(["--data", str(tmp_path / "none"), "--output", str(tmp_path)])
