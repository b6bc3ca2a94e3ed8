"""The W&B logger by itself: what it sends, what it does not send twice, what it leaves behind."""

import os

import pytest

from fsqa.errors import InputError
from fsqa.logger.base import Ending, Results, Table
from fsqa.logger.loggers import Loggers
from tests.logger import offline
from tests.logger.facts import events, facts, wandb_logger

ANSWERS = Table(("id", "answer"), (("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")))


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Somebody's own settings, which are as they were after every test."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_PROJECT", "own")
    yield
    assert {name: os.environ[name] for name in os.environ if name.startswith("WANDB_")} == {"WANDB_PROJECT": "own"}


def rows(folder) -> list[dict]:
    return [row for part in offline.parts(folder) for row in offline.read(part).history]


def test_a_run_that_is_started_again_sends_nothing_twice(tmp_path):
    """Stopped after 5 events, resumed from a checkpoint that knows 3 of them, then resumed once more at its end."""
    history = events(8)
    first = wandb_logger(tmp_path)
    first.start([], resumed=False)
    for number in range(5):
        first.log_event(number, history[number])
    first.close(Ending("interrupted", 143))
    for kept in (3, 8):
        again = wandb_logger(tmp_path)
        again.start(history[:kept], resumed=True)
        for number in range(kept, 8):
            again.log_event(number, history[number])
        again.close(Ending("done", 0))
    parts = [offline.read(part) for part in offline.parts(tmp_path)]
    assert [part.steps for part in parts] == [[0, 1, 2, 3, 4], [5, 6, 7], []]
    assert rows(tmp_path) == history
    assert {part.run["id"] for part in parts} == {first.run.key}
    assert [(part.exit_code, part.summary["state"]) for part in parts] == [
        (143, "interrupted"), (0, "done"), (0, "done"),
    ]  # fmt: skip


def test_what_a_kill_took_from_the_file_is_sent_by_the_next_start(tmp_path):
    history = events(6)
    first = wandb_logger(tmp_path)
    first.start([], resumed=False)
    for number in range(4):
        first.log_event(number, history[number])
    first.close(Ending("failed", 1))
    (part,) = offline.parts(tmp_path)
    (path,) = part.glob("*.wandb")
    path.write_bytes(path.read_bytes()[:7])
    again = wandb_logger(tmp_path)
    again.start(history[:3], resumed=True)
    for number in range(3, 6):
        again.log_event(number, history[number])
    again.close(Ending("done", 0))
    assert offline.read(offline.parts(tmp_path)[-1]).history == history


def test_a_run_that_begins_anew_leaves_nothing_of_what_was_never_sent(tmp_path):
    for _ in range(2):
        logger = wandb_logger(tmp_path)
        logger.start([], resumed=False)
        logger.log_event(0, events(1)[0])
        logger.close(Ending("failed", 1))
    assert len(offline.parts(tmp_path)) == 1
    assert rows(tmp_path) == events(1)


def test_two_runs_in_one_process_do_not_mix(tmp_path):
    one, other = wandb_logger(tmp_path / "one"), wandb_logger(tmp_path / "other")
    one.start([], resumed=False)
    one.log_event(0, {"step": 1, "train/loss": 1.0})
    one.close(Ending("done", 0))
    other.start([], resumed=False)
    other.log_event(0, {"step": 2, "train/loss": 2.0})
    other.close(Ending("failed", 1))
    (first,), (second,) = offline.parts(tmp_path / "one"), offline.parts(tmp_path / "other")
    assert offline.read(first).history == [{"step": 1, "train/loss": 1.0}]
    assert offline.read(second).history == [{"step": 2, "train/loss": 2.0}]
    assert (offline.read(first).exit_code, offline.read(second).exit_code) == (0, 1)


def test_tables_are_bounded_and_stand_with_their_event(tmp_path):
    logger = wandb_logger(tmp_path)
    logger.start([], resumed=False)
    logger.log_event(0, {"step": 1})
    logger.log_table("val/answers", ANSWERS, 2)
    logger.log_event(1, {"step": 2, "val/f1": 0.5})
    logger.log_metrics({"mine": 3.0}, step=2)
    logger.log_results(Results(figures={"test/f1": 0.25}, tables={"test/answers": ANSWERS}, model=tmp_path))
    logger.close(Ending("done", 0))
    (part,) = offline.parts(tmp_path)
    kept = offline.read(part)
    assert kept.history == [
        {"step": 1},
        {
            "step": 2,
            "val/f1": 0.5,
            "mine": 3.0,
            "val/answers": [{"id": "1", "answer": "a"}, {"id": "2", "answer": "b"}],
        },
    ]
    assert kept.summary["test/f1"] == 0.25
    assert [row["id"] for row in offline.table(part, kept.summary["test/answers"])] == ["1", "2", "3"]
    assert kept.summary["val/f1"] == {"last": 0.5, "max": 0.5}


def test_a_logger_that_fails_is_told_once_and_left_out(tmp_path, monkeypatch):
    import wandb

    def no_space(**_):
        raise OSError(28, "No space left on device")

    told: list[str] = []
    monkeypatch.setattr(wandb, "init", no_space)
    loggers = Loggers([wandb_logger(tmp_path)], told.append)
    loggers.start([], resumed=False)
    loggers.log_event(0, events(1)[0])
    loggers.log_table("val/answers", ANSWERS, 0)
    loggers.close(Ending("done", 0))
    assert told == [
        "WandbLogger failed ([Errno 28] No space left on device) and is left out from here on; history.jsonl in the "
        "run folder has everything"
    ]
    assert loggers.working == ()


def test_a_server_that_does_not_answer_leaves_the_run_offline(tmp_path, monkeypatch):
    import wandb

    begin, told = wandb.init, []

    def unreachable(**settings):
        if settings["mode"] == "online":
            raise wandb.errors.CommError("connection refused")
        return begin(**settings)

    monkeypatch.setattr(wandb, "init", unreachable)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    logger = wandb_logger(tmp_path, mode="online")
    Loggers([logger], told.append).start(events(1), resumed=False)
    logger.close(Ending("done", 0))
    monkeypatch.delenv("WANDB_API_KEY")
    assert told == [
        "logger.wandb.mode=online: W&B does not answer (connection refused); this run is kept offline, and fsqa wandb "
        "sync sends it later"
    ]
    assert rows(tmp_path) == events(1)


def test_online_without_a_key_is_refused_before_anything_trains(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(InputError, match="there is no key for W&B; run wandb login"):
        wandb_logger(tmp_path, mode="online")


def test_disabled_writes_nothing(tmp_path):
    logger = wandb_logger(tmp_path, mode="disabled")
    logger.start(events(2), resumed=False)
    logger.log_event(2, {"step": 3})
    logger.close(Ending("done", 0))
    assert not list(tmp_path.rglob("*.wandb"))


def test_a_logger_that_never_started_is_closed_without_a_trace(tmp_path):
    wandb_logger(tmp_path).close(Ending("failed", 1))
    assert list(tmp_path.iterdir()) == []
    assert facts(tmp_path).folder == tmp_path
