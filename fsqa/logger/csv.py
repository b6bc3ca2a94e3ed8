"""The history as a table: ``metrics.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fsqa.files import write_text
from fsqa.logger.base import Event, RunFacts, RunLogger

FILE = "metrics.csv"


class CSVLogger(RunLogger):
    """Writes ``metrics.csv`` into the run folder: a row for every event, a column for every figure."""

    def __init__(self, *, run: RunFacts) -> None:
        super().__init__(run=run)
        self._path = run.folder / FILE
        self._events: list[Event] = []
        self._columns: list[str] = []

    def start(self, events: Sequence[Event], *, resumed: bool) -> None:
        """Write what the history holds."""
        self._events = list(events)
        self._columns = list(dict.fromkeys(name for event in events for name in event))
        self._write()

    def log_event(self, number: int, event: Event) -> None:
        """Add a row; a figure seen for the first time makes a column, and the file is written anew."""
        self._events.append(event)
        if new := [name for name in event if name not in self._columns]:
            self._columns += new
            self._write()
            return
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(event)

    def _write(self) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(self._events)
        write_text(self._path, text.getvalue())
