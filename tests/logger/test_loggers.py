from pytorch_lightning.loggers import CSVLogger

from fsqa.logger.base import Ending, RunLogger, Table
from fsqa.logger.loggers import Loggers
from tests.logger.facts import facts


class Recorder(RunLogger):
    """Remembers what it is told, and fails at a table."""

    def __init__(self, folder):
        super().__init__(run=facts(folder))
        self.told = []

    def log_event(self, number, event):
        self.told.append((number, event))

    def log_table(self, name, table, step):
        raise ValueError("no\ntables")

    def close(self, ending):
        self.told.append(ending)


def test_one_that_fails_is_closed_and_left_out_while_the_others_go_on(tmp_path):
    bad, said = Recorder(tmp_path), []
    other = CSVLogger(tmp_path, name="", version="theirs")
    loggers = Loggers([bad, other], said.append)
    event = {"step": 3, "seconds": 0.5, "loss_tokens": 7, "train/loss": 2.0}
    loggers.log_event(0, event)
    loggers.log_table("empty", Table(("a",), ()), 3)
    loggers.log_table("val/answers", Table(("a",), (("b",),)), 3)
    loggers.log_event(1, event | {"step": 4})
    loggers.close(Ending("done", 0))
    assert bad.told == [(0, event), Ending("failed", 1)]
    assert said == [
        "Recorder failed (no tables) and is left out from here on; history.jsonl in the run folder has everything"
    ]
    assert loggers.working == (other,)
    other.save()
    assert (tmp_path / "theirs" / "metrics.csv").read_text().splitlines() == [
        "loss_tokens,step,train/loss",
        "7,3,2.0",
        "7,4,2.0",
    ]
