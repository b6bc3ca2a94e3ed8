from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fsqa.logger.base import Ending, Results, Table
from fsqa.logger.tensorboard import TensorBoardLogger
from tests.logger.facts import facts

ANSWERS = Table(("id", "answer"), (("1", "a | b"), ("2", "c"), ("3", "d")))


def logger(folder) -> TensorBoardLogger:
    return TensorBoardLogger(run=facts(folder), validation_rows=2, test_rows=3)


def read(folder) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard")).Reload()


def points(folder, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(name)]


def test_a_resumed_run_has_every_point_once(tmp_path):
    """Stopped after step 5; the checkpoint it goes on from is of step 3."""
    before = logger(tmp_path)
    before.start([], resumed=False)
    for step in range(1, 6):
        before.log_event(step - 1, {"step": step, "seconds": 0.0, "train/loss": step / 2})
    history = [{"step": step, "seconds": 0.0, "train/loss": step / 2} for step in range(1, 4)]
    after = logger(tmp_path)  # the one before was killed, and closed nothing
    after.start(history, resumed=True)
    for step in range(4, 8):
        after.log_event(step - 1, {"step": step, "seconds": 0.0, "train/loss": step / 2})
    after.close(Ending("done", 0))
    assert points(tmp_path, "train/loss") == [(step, step / 2) for step in range(1, 8)]
    assert "seconds" not in read(tmp_path).Tags()["scalars"]


def test_a_run_that_begins_anew_forgets_the_attempt_before(tmp_path):
    for _ in range(2):
        one = logger(tmp_path)
        one.start([], resumed=False)
        one.log_event(0, {"step": 1, "train/loss": 0.5})
        one.close(Ending("failed", 1))
    assert points(tmp_path, "train/loss") == [(1, 0.5)]


def test_answers_are_text_and_settings_stand_beside_results(tmp_path):
    one = logger(tmp_path)
    one.start([], resumed=False)
    one.log_table("val/answers", ANSWERS, 4)
    one.log_results(
        Results(figures={"test/f1": 0.5, "cost/steps": 3}, tables={"test/answers": ANSWERS}, model=tmp_path)
    )
    one.close(Ending("done", 0))
    told = read(tmp_path)
    (text,) = told.Tensors("val/answers/text_summary")
    assert text.step == 4
    assert text.tensor_proto.string_val[0].decode() == "| id | answer |\n| --- | --- |\n| 1 | a \\| b |\n| 2 | c |"
    (text,) = told.Tensors("test/answers/text_summary")
    assert text.tensor_proto.string_val[0].decode().endswith("| 3 | d |")
    assert points(tmp_path, "test/f1") == [(0, 0.5)]
    assert b"optimizer.lr" in b"".join(path.read_bytes() for path in (tmp_path / "tensorboard").iterdir())
