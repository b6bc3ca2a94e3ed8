"""What a study is at: dead or alive, how far, and for how long."""

import json
import os
import socket
from contextlib import ExitStack

import pytest

from fsqa.errors import InputError
from fsqa.study.live import STATES
from fsqa.study.watch import QUIET, StudyWatch
from tests.study.running_study import add_outcome, add_run, age, held, plan, trained


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "outputs" / "ablation"
    folder.mkdir(parents=True)
    return folder


def look(study):
    return StudyWatch(study).look()


def only(study):
    (run,) = look(study).runs
    return run


def test_planned_runs_come_first_and_in_their_order(study):
    plan(study, {"b": "loss=all seed=0 study=x", "a": "loss=all seed=1 study=x", "c": "loss=answer seed=0 study=x"})
    add_run(study, "a")
    add_run(study, "0-of-an-earlier-sweep", "failed")
    (study / "report").mkdir()
    state = look(study)
    assert state.name == "ablation"
    assert [(run.name, run.label, run.state) for run in state.runs] == [
        ("b", "loss=all seed=0", "left"),
        ("a", "loss=all seed=1", "done"),
        ("c", "loss=answer seed=0", "left"),
        ("0-of-an-earlier-sweep", "0-of-an-earlier-sweep", "failed"),
    ]
    assert [run.kind for run in state.runs][:3] == ["loss=all study=x"] * 2 + ["loss=answer study=x"]
    assert [len(state.of(name)) for name in STATES] == [1, 0, 1, 0, 0, 0, 2]


def test_a_single_planned_run_is_called_by_its_folder_or_what_was_typed(study):
    plan(study, {"a": "loss=all"})
    assert only(study).label == "loss=all"
    plan(study, {"a": ""})
    assert only(study).label == "a"


def test_done(study):
    add_run(study, "a", seconds=12.5, test={"exact_match": 0.25, "f1": 0.5, "note": "text"}, total_steps=800)
    run = only(study)
    assert (run.state, run.seconds, run.share, run.reason) == ("done", 12.5, 1.0, "")
    assert run.figures == {"exact_match": 0.25, "f1": 0.5}


@pytest.mark.parametrize(
    ("state", "error", "reason"),
    [
        ("failed", {"type": "RuntimeError", "message": "a bug\nmore"}, "RuntimeError: a bug"),
        ("failed", {"type": "InputError", "message": "training diverged"}, "training diverged"),
        ("failed", None, "no reason was written"),
        ("interrupted", {"type": "Stopped", "message": "process 7 was stopped"}, "stopped before its end"),
        ("pruned", {"type": "Pruned", "message": "trial 3 falls behind"}, "trial 3 falls behind"),
    ],
)
def test_ended_without_a_result(study, state, error, reason):
    add_run(study, "a", state, error=error)
    run = only(study)
    assert (run.state, run.reason) == (state, reason)


def test_a_run_whose_lock_is_held_is_running(study):
    run = add_run(study, "a", "running", total_steps=800, history=trained(200, f1=0.4))
    age(run / "config.yaml", 32)
    with held(run):
        seen = only(study)
    assert (seen.state, seen.step, seen.total_steps, seen.share) == ("running", 200, 800, 0.25)
    assert seen.figures == {"f1": 0.4}
    assert seen.seconds == pytest.approx(32, abs=2)
    assert seen.whole_training == pytest.approx(80)
    assert only(study).state == "killed", "nobody holds it any more"


def test_a_run_that_prepares_has_no_steps_yet(study):
    with held(add_run(study, "a", "running")):
        run = only(study)
    assert (run.state, run.step, run.total_steps, run.share, run.whole_training) == ("running", None, None, 0.0, None)


def test_a_run_that_ends_between_two_looks_is_not_called_killed(study, monkeypatch):
    run = add_run(study, "a", "running")

    def lock_is_free_because_it_has_just_ended(folder):
        add_run(study, "a", "done")
        age(run / "status.json", -1)
        return False

    monkeypatch.setattr("fsqa.study.runs.is_locked", lock_is_free_because_it_has_just_ended)
    assert only(study).state == "done"


@pytest.mark.parametrize(("silent", "unseen"), [(QUIET / 2, None), (7200.0, 7200.0)])
def test_a_run_on_another_machine_is_judged_by_what_it_writes(study, silent, unseen):
    run = add_run(study, "a", "running", host="node7", total_steps=800, history=trained(200))
    age(run / "status.json", silent + 60)
    age(run / "history.jsonl", silent)
    state = look(study)
    (seen,) = state.runs
    assert (seen.state, seen.host) == ("running", "node7")
    assert seen.unseen == (None if unseen is None else pytest.approx(unseen, abs=2))
    assert state.at_once == (unseen is None)
    with held(run):
        assert only(study).unseen is None, "a lock that is held tells more than silence"


def test_half_written_files_do_no_harm(study):
    run = add_run(study, "a", "running", total_steps=100, history=trained(40))
    with (run / "history.jsonl").open("a") as file:
        file.write('{"step": 60, "sec')
    (add_run(study, "b") / "metrics.json").write_text('{"test": {"f1"')
    (add_run(study, "c") / "status.json").write_text("{")
    (add_run(study, "d", "running") / "config.yaml").unlink()
    plan(study, {"a": "seed=0"})
    with (study / ".sweep" / "outcomes.jsonl").open("w") as file:
        file.write('{"run": "e", "sta')
    with held(run), held(study / "d"):
        runs = {each.name: each for each in look(study).runs}
    assert runs["a"].step == 40
    assert (runs["b"].state, runs["b"].figures) == ("done", {})
    assert runs["c"].state == "failed"
    assert runs["c"].reason.startswith("status.json cannot be read: ")
    assert runs["d"].state == "running"


def test_of_a_long_history_the_end_is_read(study):
    run = add_run(study, "a", "running", total_steps=10**6, history=trained(10**5, every=20, f1=0.1))
    with (run / "history.jsonl").open("a") as file:
        file.write(json.dumps({"step": 100_020, "seconds": 1.0, "val/f1": 0.2}) + "\n")
    with held(run):
        seen = only(study)
    assert (seen.step, seen.figures) == (100_020, {"f1": 0.2})


def test_files_that_did_not_change_are_read_once(study, monkeypatch):
    for number in range(3):
        add_run(study, f"run{number}")
    watch, loads, plain = StudyWatch(study), [], json.loads
    monkeypatch.setattr("json.loads", lambda text: loads.append(text) or plain(text))
    first = watch.look()
    assert len(loads) == 6
    second = watch.look()
    assert len(loads) == 6
    assert second.runs == first.runs
    add_run(study, "run1", "failed")
    age(study / "run1" / "status.json", -1)
    assert [run.state for run in watch.look().runs] == ["done", "failed", "done"]


def test_a_run_that_failed_before_it_had_a_folder(study):
    """Input that cannot be trained on leaves none; the sweep remembers why."""
    plan(study, {"a": "seed=0", "b": "seed=1"})
    add_outcome(study, "a", "failed", "dataset.path: no such file")
    state = look(study)
    assert [(run.state, run.reason) for run in state.runs] == [("failed", "dataset.path: no such file"), ("left", "")]
    assert [run.is_waiting for run in state.runs] == [False, True]


class TestRemaining:
    """Seconds until the sweep is through."""

    @pytest.fixture
    def look_at(self, study):
        def look_at(*running):
            with ExitStack() as locks:
                for run in running:
                    locks.enter_context(held(run))
                return look(study)

        return look_at

    @staticmethod
    def planned(study, *losses, seeds=2):
        plan(study, {f"{loss}{seed}": f"loss={loss} seed={seed}" for loss in losses for seed in range(seeds)})

    def test_of_the_same_cell_before_all_others(self, study, look_at):
        self.planned(study, "fast", "slow")
        add_run(study, "fast0", seconds=10)
        add_run(study, "slow0", seconds=100)
        assert look_at().remaining == 110

    def test_of_all_where_the_cell_has_none_yet(self, study, look_at):
        self.planned(study, "fast", "new")
        add_run(study, "fast0", seconds=10)
        add_run(study, "fast1", seconds=30)
        assert look_at().remaining == 40

    def test_what_runs_is_counted_from_where_it_is(self, study, look_at):
        self.planned(study, "a", seeds=3)
        add_run(study, "a0", seconds=100)
        run = add_run(study, "a1", "running", total_steps=100, history=trained(80))
        state = look_at(run)
        assert state.remaining == pytest.approx(20 + 100)
        assert state.share == pytest.approx((1 + 0.8) / 3)

    def test_several_at_once_but_never_less_than_the_longest(self, study, look_at):
        self.planned(study, "a", seeds=5)
        add_run(study, "a0", seconds=100)
        two = [add_run(study, name, "running", total_steps=100, history=trained(50, every=10)) for name in ("a1", "a2")]
        state = look_at(*two)
        assert state.at_once == 2
        assert state.remaining == pytest.approx((50 + 50 + 100 + 100) / 2)
        add_run(study, "a3", seconds=100)
        add_run(study, "a4", seconds=100)
        assert look_at(*two).remaining == pytest.approx(50)

    def test_before_any_is_done_the_pace_of_what_runs(self, study, look_at):
        self.planned(study, "a", seeds=2)
        run = add_run(study, "a0", "running", total_steps=100, history=trained(40, every=10, seconds_per_step=0.5))
        assert look_at(run).remaining == pytest.approx(30 + 50)

    def test_not_known_at_the_very_beginning(self, study, look_at):
        self.planned(study, "a")
        assert look_at(add_run(study, "a0", "running")).remaining is None

    def test_what_the_sweep_had_its_turn_with_is_not_waited_for(self, study, look_at):
        self.planned(study, "a", seeds=4)
        add_run(study, "a0", seconds=100)
        for name in ("a1", "a2"):
            add_run(study, name, "failed")
        add_outcome(study, "a1", "failed")
        assert look_at().remaining == 200, "a2 failed in an earlier sweep and is tried again, a3 is left"

    def test_nothing_is_left(self, study, look_at):
        add_run(study, "a")
        state = look_at()
        assert (state.remaining, state.share, state.is_over) == (0.0, 1.0, True)


@pytest.mark.parametrize(
    ("host", "process", "quiet", "is_swept"),
    [
        (socket.gethostname(), os.getpid(), True, True),
        (socket.gethostname(), 2**22 + 1, False, False),
        ("node-7", 1, False, True),
        ("node-7", 1, True, False),
    ],
    ids=["this process", "a process that is gone", "elsewhere, heard of", "elsewhere, quiet"],
)
def test_between_two_runs_of_a_sweep_it_is_not_over(study, host, process, quiet, is_swept):
    """It is there as long as its process lives; of another machine's, as long as something happens."""
    plan(study, {"a": "seed=0", "b": "seed=1"})
    run = add_run(study, "a")
    for path in (study / ".sweep" / "plan.json", run / "status.json"):
        age(path, 2 * QUIET * quiet)
    assert look(study).is_over
    (study / ".sweep" / f"{host}-{process}-1795275197601225361.control").touch()
    assert look(study).is_over != is_swept


def test_it_is_not_over_while_a_run_runs(study):
    with held(add_run(study, "a", "running")):
        assert not look(study).is_over
    assert look(study).is_over


def test_errors_are_those_of_the_report(study, tmp_path):
    with pytest.raises(InputError, match=r"no study folder .*; did you mean 'ablation'\?"):
        look(study.with_name("ablatoin"))
    with pytest.raises(InputError, match=r"no runs in .*: none of its folders has a status\.json"):
        look(study)
    run = add_run(study, "a")
    with pytest.raises(InputError, match="is one run, not a study: give the folder that holds it"):
        look(run)
    assert socket.gethostname() == look(study).runs[0].host
