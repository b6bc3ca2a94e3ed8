"""All loggers of a run at once; none of them can stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from pytorch_lightning.loggers import Logger

from fsqa.logger.base import Ending, Event, Results, RunLogger, Table


class Loggers:
    """Tells every logger what happens. One that fails is named once and left out from then on.

    Loggers of other packages, which know only numbers by step, get the events of the history as such.
    """

    def __init__(self, loggers: Sequence[Logger], tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._working = list(loggers)
        for logger in self._own():
            logger.tell = tell

    @property
    def working(self) -> tuple[Logger, ...]:
        """Those that have not failed."""
        return tuple(self._working)

    def start(self, events: Sequence[Event], *, resumed: bool) -> None:
        """Begin, or go on after these events."""
        for logger in self._own():
            self._try(logger, partial(logger.start, events, resumed=resumed))

    def log_event(self, number: int, event: Event) -> None:
        """Tell of a new line of the history."""
        figures = {name: value for name, value in event.items() if name not in ("step", "seconds")}
        for logger in self.working:
            if isinstance(logger, RunLogger):
                self._try(logger, partial(logger.log_event, number, event))
            else:
                self._try(logger, partial(logger.log_metrics, figures, step=event["step"]))

    def log_table(self, name: str, table: Table, step: int) -> None:
        """Tell the answers of a validation, whose event follows; a table without rows is not told."""
        for logger in self._own() if table.rows else ():
            self._try(logger, partial(logger.log_table, name, table, step))

    def log_results(self, results: Results) -> None:
        """Tell what the run came to."""
        for logger in self._own():
            self._try(logger, partial(logger.log_results, results))

    def close(self, ending: Ending) -> None:
        """End them all."""
        for logger in self._own():
            self._try(logger, partial(logger.close, ending))

    def _own(self) -> tuple[RunLogger, ...]:
        return tuple(logger for logger in self._working if isinstance(logger, RunLogger))

    def _try(self, logger: Logger, told: Callable[[], None]) -> None:
        try:
            told()
        except Exception as error:  # noqa: BLE001  # whatever a mirror cannot do, the run itself can go on
            self._working.remove(logger)
            self._tell(
                f"{type(logger).__name__} failed ({' '.join(str(error).split()) or type(error).__name__}) and is left "
                "out from here on; history.jsonl in the run folder has everything"
            )
            if isinstance(logger, RunLogger):
                self._try_to_close(logger)

    def _try_to_close(self, logger: RunLogger) -> None:
        try:
            logger.close(Ending("failed", 1))
        except Exception as error:  # noqa: BLE001  # it is broken already, and that was told
            del error
