"""``fsqa study``: what it prints, on a terminal and elsewhere."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from fsqa.commands.study import duration, screen, watch_live
from fsqa.study.watch import StudyWatch
from tests.commands.lines import TINY, call, refusal
from tests.study.running_study import add_outcome, add_run, age, held, plan, trained


@pytest.fixture
def half_way():
    study = Path("outputs/ablation")
    runs = {f"{loss}{seed}": f"loss={loss} optimizer.lr=0.001 seed={seed}" for loss in "xy" for seed in range(4)}
    plan(study, runs | {"z0": "loss=z optimizer.lr=0.003 seed=0"})
    age(study / ".sweep" / "plan.json", 200)
    add_run(study, "x0", seconds=70, test={"exact_match": 0.125, "f1": 0.25})
    add_run(study, "x1", seconds=90, test={"exact_match": 0.5, "f1": 0.75})
    add_run(study, "x2", "failed", error={"type": "OutOfMemoryError", "message": "CUDA out of memory"})
    add_run(study, "x3", "running")
    add_run(study, "y0", "interrupted")
    for name in ("x2", "x3", "y0"):
        add_outcome(study, name, "failed")
    run = add_run(study, "y1", "running", total_steps=800, history=trained(200, f1=0.4, exact_match=0.3))
    age(run / "config.yaml", 30)
    with held(run):
        yield study


def shown(study, width):
    out = io.StringIO()
    Console(file=out, width=width).print(screen([StudyWatch(study).look()], width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 200])
def test_everything_is_told(half_way, width):
    lines = shown(half_way, width)
    assert max(map(len, lines)) <= width
    assert lines[0] == "ablation  9 runs: 2 done, 1 running, 1 failed, 1 killed, 1 interrupted, 3 left"
    assert lines[1].endswith("25 %, 3 min 20 s so far, about 5 min left, 1 at once")
    text = "\n".join(" ".join(line.split()) for line in lines).replace("━", "")
    assert "running" + (" step val EM % val F1 % for" if width == 80 else "") in text
    assert "loss=y lr=0.001 seed=1" in text
    assert "200/800 30.0 40.0 30 s" in text
    assert "loss=x lr=0.001 seed=2 failed OutOfMemoryError: CUDA out of memory" in text
    assert "loss=x lr=0.001 seed=3 killed its process is gone" in text
    assert "loss=y lr=0.001 seed=0 interrupted stopped before its end" in text
    assert "done test EM % test F1 % took" in text
    assert "loss=x lr=0.001 seed=0 12.5 25.0 1 min 10 s" in text
    assert "left loss=y lr=0.001 seed=2; loss=y lr=0.001 seed=3; loss=z lr=0.003" in text
    assert "nothing is running" not in text


def test_nothing_runs(tmp_path):
    study = tmp_path / "ablation"
    plan(study, {f"a{seed}": f"seed={seed}" for seed in range(20)})
    add_run(study, "a0", "interrupted")
    text = "\n".join(shown(study, 100))
    assert "0 %\n" in text
    assert "and 13 more" in text
    assert "nothing is running; the command that started the study goes on with the 20 that are not done" in text


def test_a_long_study_is_counted(tmp_path):
    for number in range(40):
        add_run(tmp_path, f"run{number:02}")
    lines = shown(tmp_path, 100)
    assert lines[0].endswith("40 runs: 40 done")
    assert "and 28 more" in lines
    assert not [line for line in lines if line.startswith("run27")]
    assert [line for line in lines if line.startswith("run28")]
    assert "nothing is running" not in "\n".join(lines)


def test_text_has_a_column_of_its_own(tmp_path):
    add_run(tmp_path, "a", test={"answer_nll": 2.5, "perplexity": 12.0})
    assert " ".join(shown(tmp_path, 80)[3].split()) == "done test NLL took"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (190, "3 min 10 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds, told):
    assert duration(seconds) == told


def test_the_command_prints_once_where_nobody_watches(half_way):
    outcome = call("study", half_way)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("ablation  9 runs: 2 done, ")
    assert "\x1b" not in outcome.out
    both = call("study", half_way, half_way, "--once")
    assert both.out.count("9 runs") == 1


def test_no_such_study():
    assert refusal(call("study", "outputs/nothing")) == "no study folder 'outputs/nothing'"


def test_live_until_nothing_runs_any_more(half_way):
    out, looks, watch = io.StringIO(), [], StudyWatch(half_way)

    class Watch:
        def look(self):
            looks.append(watch.look())
            if len(looks) == 3:
                add_run(half_way, "y1", test={"exact_match": 1.0, "f1": 1.0})
            return looks[-1]

    watch_live([Watch()], Console(file=out, width=100, force_terminal=True), pause=0.01)
    assert [state.is_over for state in looks] == [False, False, False, True]
    assert "100.0" in out.getvalue().splitlines()[-12:].__str__()
    assert "nothing is running" in out.getvalue()


def test_ctrl_c_ends_the_watching_and_nothing_else(half_way):
    class Watch:
        def look(self):
            state = StudyWatch(half_way).look()
            if len(looks := self.__dict__.setdefault("looks", [])) == 2:
                raise KeyboardInterrupt
            looks.append(state)
            return state

    out = io.StringIO()
    watch_live([Watch()], Console(file=out, width=100, force_terminal=True), pause=0.01)
    assert "1 running" in out.getvalue()


def test_a_run_tells_how_many_steps_it_will_take(monkeypatch):
    """Once training starts, and where epochs decide too; a study can be looked at from within."""
    from fsqa.callbacks.history import History

    seen, plain = [], History.on_validation_end

    def look(self, trainer, module):
        plain(self, trainer, module)
        seen.extend(StudyWatch(Path("outputs/default")).look().runs)

    monkeypatch.setattr(History, "on_validation_end", look)
    words = ("trainer.max_steps=-1", "trainer.max_epochs=1", "trainer.val_check_interval=20", "batch_size=8")
    assert call("train", *TINY, *words).code == 0
    run = seen[0]
    assert (run.state, run.total_steps, run.step) == ("running", 25, 20), "196 questions in batches of 8"
    assert set(run.figures) >= {"f1", "exact_match", "answer_nll"}
    assert " ".join(shown(Path("outputs/default"), 100)[0].split()) == "default 1 run: 1 done"
