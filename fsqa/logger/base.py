"""What a logger is told: what a run is, the events of its history, answers as tables, results, and how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

Event = Mapping[str, Any]
"""One line of ``history.jsonl``."""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known of a run before its training starts; it stays the same when the run is started again."""

    folder: Path
    study: str
    name: str
    """Short and readable: the choices that matter, and the seed."""
    cell: str
    """The same for all seeds of one config, and for nothing else."""
    key: str
    """Names this run folder among all others, everywhere."""
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    """The resolved config as plain values, with ``choices`` and what the run itself knows."""


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a finished run measured."""

    figures: Mapping[str, float]
    """Every number of ``metrics.json``, as ``test/f1``."""
    tables: Mapping[str, Table]
    model: Path
    """The trained model, in the layout of Hugging Face."""


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    state: str
    """As in ``status.json``: ``done``, ``failed``, ``interrupted`` or ``pruned``."""
    exit_code: int


class RunLogger(Logger):
    """A Lightning logger that is told more than numbers. What a logger has no use for, it leaves out.

    It is told everything by one process. A logger that fails raises; the run goes on without it.
    """

    tell: Callable[[str], None] = staticmethod(lambda _: None)
    """Says one line to the user."""

    def __init__(self, *, run: RunFacts) -> None:
        super().__init__()
        self.run = run
        self._owner = os.getpid()

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.run.name

    @property
    def version(self) -> str:
        """The key of the run."""
        return self.run.key

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self.run.folder)

    def start(self, events: Sequence[Event], *, resumed: bool) -> None:
        """Begin, or go on after these events, which are all that the history holds."""

    def log_event(self, number: int, event: Event) -> None:
        """Take in a new line of the history: its place, from 0, and what it says."""

    def log_table(self, name: str, table: Table, step: int) -> None:
        """Take in the answers of a validation; the event of that validation follows."""

    def log_results(self, results: Results) -> None:
        """Take in what the run came to."""

    def close(self, ending: Ending) -> None:
        """End; nothing more is told. A logger that never started is closed too."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take in what a callback of the user's own logged through Lightning."""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the config is among the facts."""

    def finalize(self, status: str) -> None:
        """Lightning's training is over: the end of this process, if it was started for the training alone."""
        if os.getpid() != self._owner:
            self.close(Ending("done", 0) if status == "success" else Ending("failed", 1))
