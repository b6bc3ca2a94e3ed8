"""TensorBoard: curves over steps, answers as text, and the settings beside the results."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fsqa.logger.base import Ending, Event, Results, RunFacts, RunLogger, Table
from fsqa.logger.tables import as_markdown, first

FOLDER = "tensorboard"


class TensorBoardLogger(RunLogger):
    """Writes event files into ``tensorboard/`` of the run folder, flushed with every event.

    Look at a study with ``tensorboard --logdir outputs/STUDY``. Of a run that was interrupted, TensorBoard leaves
    out by itself what came after the last checkpoint.
    """

    def __init__(self, *, run: RunFacts, validation_rows: int, test_rows: int) -> None:
        super().__init__(run=run)
        self._rows = {"validation": validation_rows, "test": test_rows}
        self._writer: Any = None

    @property
    def experiment(self) -> Any:
        """The ``SummaryWriter`` of the run; None before training begins, when Lightning first looks for it."""
        return self._writer

    def start(self, events: Sequence[Event], *, resumed: bool) -> None:
        """Open the files; what an earlier part wrote beyond its checkpoint is marked as void."""
        if not resumed:
            shutil.rmtree(self.run.folder / FOLDER, ignore_errors=True)
        writer = self._open(purge_step=events[-1]["step"] + 1 if events else 0 if resumed else None)
        if not resumed:
            writer.add_text("config", f"```json\n{json.dumps(self.run.config, indent=2, ensure_ascii=False)}\n```")

    def log_event(self, number: int, event: Event) -> None:
        """Write a point for every figure."""
        for name, value in event.items():
            if name not in ("step", "seconds"):
                self._writer.add_scalar(name, value, event["step"])
        self._writer.flush()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write a point for every figure of the user's own."""
        for name, value in metrics.items():
            self._open().add_scalar(name, value, step)

    def log_table(self, name: str, table: Table, step: int) -> None:
        """Write the answers as text."""
        self._writer.add_text(name, as_markdown(first(table, self._rows["validation"])), step)

    def log_results(self, results: Results) -> None:
        """Write the answers as text, and the settings with their results for the tab of hyperparameters."""
        writer = self._open()
        for name, table in results.tables.items():
            writer.add_text(name, as_markdown(first(table, self._rows["test"])))
        tested = {name: value for name, value in results.figures.items() if name.startswith("test/")}
        writer.add_hparams(dict(_leaves(self.run.config)), tested, run_name=".")

    def close(self, ending: Ending) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self, purge_step: int | None = None) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(log_dir=str(self.run.folder / FOLDER), purge_step=purge_step)
        return self._writer


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value if isinstance(value, str | int | float | bool) else json.dumps(value)
