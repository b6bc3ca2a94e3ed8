import csv

from fsqa.logger.csv import CSVLogger
from tests.logger.facts import facts


def read(folder) -> list[dict]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_every_event_and_a_column_for_every_figure(tmp_path):
    logger = CSVLogger(run=facts(tmp_path))
    logger.start([], resumed=False)
    logger.log_event(0, {"step": 1, "train/loss": 0.5})
    logger.log_event(1, {"step": 2, "train/loss": 0.25})
    logger.log_event(2, {"step": 2, "val/f1": 1.0})
    logger.log_event(3, {"step": 3, "train/loss": 0.125})
    assert read(tmp_path) == [
        {"step": "1", "train/loss": "0.5", "val/f1": ""},
        {"step": "2", "train/loss": "0.25", "val/f1": ""},
        {"step": "2", "train/loss": "", "val/f1": "1.0"},
        {"step": "3", "train/loss": "0.125", "val/f1": ""},
    ]


def test_a_resumed_run_has_what_its_history_has(tmp_path):
    before = CSVLogger(run=facts(tmp_path))
    before.start([], resumed=False)
    for step in range(5):
        before.log_event(step, {"step": step, "train/loss": 1.0})
    after = CSVLogger(run=facts(tmp_path))
    after.start([{"step": 0, "train/loss": 1.0}, {"step": 1, "train/loss": 1.0}], resumed=True)
    after.log_event(2, {"step": 2, "train/loss": 2.0})
    assert [(row["step"], row["train/loss"]) for row in read(tmp_path)] == [("0", "1.0"), ("1", "1.0"), ("2", "2.0")]
