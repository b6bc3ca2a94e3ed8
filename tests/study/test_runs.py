import fcntl
import json
import socket

import pytest

from fsqa.errors import InputError
from fsqa.study.runs import read_history, read_predictions, read_run, read_study
from tests.report.fake_study import add_run, build_study, questions


def test_reads_every_run_and_nothing_else(tmp_path):
    runs = read_study(build_study(tmp_path / "loss", ["all", "answer"], seeds=2))
    assert [run.name for run in runs] == sorted(run.name for run in runs)
    assert {run.state for run in runs} == {"done", "failed", "interrupted"}
    done = next(run for run in runs if run.name == "answer-base-seed1")
    assert done.study == "loss"
    assert done.seed == 1
    assert done.measures.test["answer_nll"] == pytest.approx(0.87)
    assert done.measures.role_share["answer"] == 1.0
    assert done.measures.truncated["train"] == 3
    assert done.measures.dropped["train"] == {"empty_answer": 2}


def test_reason_is_one_line(tmp_path):
    runs = read_study(build_study(tmp_path / "loss", ["all"], seeds=1))
    reasons = {run.state: run.reason for run in runs}
    assert reasons["failed"] == "OutOfMemoryError: CUDA out of memory <script>"
    assert "resumes" in reasons["interrupted"]
    assert reasons["done"] == ""


def test_numbers_without_a_dot_are_numbers(tmp_path):
    run = add_run(tmp_path / "loss", "answer", 0)
    (run / "config.yaml").write_text("optimizer:\n  learning_rate: 1e-05\n")
    assert read_run(run).config["optimizer"]["learning_rate"] == 1e-05


def test_missing_files_and_nulls_are_not_measured(tmp_path):
    run = add_run(
        tmp_path / "loss", "answer", 0, metrics={"test": {"exact_match": None, "f1": float("nan")}, "val": None}
    )
    (run / "predictions.jsonl").unlink()
    (run / "history.jsonl").unlink()
    (run / "config.yaml").unlink()
    read = read_run(run)
    assert read.measures.test == {}
    assert read.measures.baselines == {}
    assert read_predictions(read) == ()
    assert read_history(read) == ()
    assert read.config == {}
    # the time of the whole run stands in for that of the loop
    assert read.measures.cost == {"seconds": 61.0}


def test_half_written_last_line_is_left_out_but_other_damage_is_told(tmp_path):
    run = read_run(add_run(tmp_path / "loss", "answer", 0, asked=questions(3)))
    path = run.folder / "history.jsonl"
    whole = len(read_history(run))
    path.write_text(path.read_text() + '{"step": 4')
    assert len(read_history(run)) == whole
    path.write_text("{broken\n" + path.read_text())
    with pytest.raises(InputError, match=r"history\.jsonl:1: broken JSON"):
        read_history(run)


def test_predictions_of_tuned_model_and_baseline(tmp_path):
    run = read_run(add_run(tmp_path / "loss", "answer", 0, asked=questions(5)))
    assert [each.id for each in read_predictions(run)] == ["q0", "q1", "q2", "q3", "q4"]
    assert read_predictions(run, "nearest_question")[0].references == ("Lisbon",)


def test_what_was_not_measured_of_an_answer_is_none(tmp_path):
    run = read_run(add_run(tmp_path / "loss", "answer", 0))
    lines = ['{"id": "a", "prediction": "x"}', '{"id": "b", "prediction": "y", "exact_match": 1, "refused": 0}']
    (run.folder / "predictions.jsonl").write_text("\n".join(lines))
    first, second = read_predictions(run)
    assert (first.exact_match, first.stopped, first.refused) == (None, None, None)
    assert (second.exact_match, second.refused) == (1.0, False)


def test_training_questions_kinds_and_signatures(tmp_path):
    metrics = {"train": {"exact_match": 1}, "kinds": {"river": {"f1": 0.5}}, "signatures": {"bleu": "nrefs:1"}}
    measures = read_run(add_run(tmp_path / "loss", "answer", 0, metrics=metrics)).measures
    assert measures.train == {"exact_match": 1.0}
    assert measures.kinds == {"river": {"f1": 0.5}}
    assert measures.signatures == {"bleu": "nrefs:1"}


def test_a_file_of_answers_is_no_run_of_ours(tmp_path):
    assert read_run(add_run(tmp_path / "loss", "answer", 0, status={"outside": True})).outside
    assert not read_run(add_run(tmp_path / "loss", "answer", 1)).outside


@pytest.mark.parametrize("missing", ["state", "seed", "cell_hash"])
def test_status_without_a_needed_key(tmp_path, missing):
    run = add_run(tmp_path / "loss", "answer", 0)
    status = json.loads((run / "status.json").read_text())
    del status[missing]
    (run / "status.json").write_text(json.dumps(status))
    with pytest.raises(InputError, match=f"no key '{missing}'"):
        read_study(tmp_path / "loss")


def test_broken_status_names_file_and_line(tmp_path):
    run = add_run(tmp_path / "loss", "answer", 0)
    (run / "status.json").write_text("{\n  nope")
    with pytest.raises(InputError, match=r"status\.json:2: broken JSON"):
        read_study(tmp_path / "loss")


@pytest.mark.parametrize("name", ["status.json", "metrics.json", "config.yaml"])
def test_a_run_with_a_broken_file_does_not_hide_the_others(tmp_path, name):
    for seed in (0, 1):
        run = add_run(tmp_path / "loss", "answer", seed)
    (run / name).write_text("{")
    done, broken = read_study(tmp_path / "loss")
    assert (done.state, broken.state, broken.cell_hash) == ("done", "broken", "")
    assert name in broken.reason


def test_a_pruned_run_says_so(tmp_path):
    assert "stopped early by its sweep" in read_run(add_run(tmp_path / "loss", "answer", 0, state="pruned")).reason


def test_a_run_whose_process_is_gone_was_killed(tmp_path):
    here = {"host": socket.gethostname()}
    killed = read_run(add_run(tmp_path / "s", "all", 0, state="running", status=here))
    assert (killed.state, killed.reason) == ("killed", "its process is gone; the same command resumes it")
    alive = add_run(tmp_path / "s", "all", 1, state="running", status=here)
    with (alive / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert read_run(alive).state == "running"
    assert read_run(alive).state == "killed"
    elsewhere = add_run(tmp_path / "s", "all", 2, state="running", status={"host": "another"})
    assert read_run(elsewhere).state == "running"


def test_folders_that_are_no_study_are_refused_in_one_line(tmp_path):
    run = add_run(tmp_path / "loss", "answer", 0)
    (tmp_path / "empty").mkdir()
    for folder, told in (
        (tmp_path / "los", "did you mean 'loss'"),
        (tmp_path / "empty", "no runs in"),
        (run, "is one run, not a study"),
    ):
        with pytest.raises(InputError, match=told) as error:
            read_study(folder)
        assert "\n" not in str(error.value)
