"""Weights & Biases: a run of it for every run of ours, kept in the run folder until it is sent."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from fsqa.logger.base import Ending, Event, Results, RunFacts, RunLogger, Table
from fsqa.logger.offline_file import held_events, wait_for_end
from fsqa.logger.tables import first
from fsqa.logger.wandb_environment import check_key, inside

FOLDER = "wandb"
LONGEST = 128
"""Characters that W&B takes for the name of a project, a group or a run."""
LONGEST_TAG = 64
ANSWER_SECONDS = 30
"""How long the server may take to answer before a run is kept offline."""
BEST: Mapping[str, str] = {
    "train/loss": "min",
    "train/target_nll": "min",
    "val/answer_nll": "min",
    "val/token_accuracy": "max",
    "val/exact_match": "max",
    "val/f1": "max",
}
"""Figures of the history whose best value stands in the summary beside the last."""


class WandbLogger(RunLogger):
    """Mirrors the history into W&B, event by event, with answers as tables and the results in the summary.

    The step of W&B is the number of the event, from 0; ``step`` and ``loss_tokens`` are figures to draw over. A run
    that is started again goes on in the same W&B run, and what that holds already is not sent twice: a resumed
    training repeats its steps exactly. All files stay below ``wandb/`` of the run folder.
    """

    def __init__(
        self,
        *,
        run: RunFacts,
        mode: Literal["offline", "online", "disabled"],
        entity: str | None,
        tags: list[str],
        validation_rows: int,
        test_rows: int,
        log_model: bool,
    ) -> None:
        super().__init__(run=run)
        self._mode, self._entity, self._tags, self._log_model = mode, entity, tags, log_model
        self._rows = {"validation": validation_rows, "test": test_rows}
        self._experiment: Any = None
        self._environment = inside(run.folder / FOLDER, offline=mode != "online")
        self._held = 0
        self._pending: dict[str, Any] = {}
        if mode == "online":
            check_key()

    @property
    def experiment(self) -> Any:
        """The run of W&B; None before training begins, when Lightning first looks for it."""
        return self._experiment

    def start(self, events: Sequence[Event], *, resumed: bool) -> None:
        """Open the run, and send what the history holds and W&B does not."""
        if not resumed:
            self._forget()
        self._open()
        for number, event in enumerate(events):
            self.log_event(number, event)

    def log_event(self, number: int, event: Event) -> None:
        """Log the event, with the answers of its validation."""
        if number >= self._held:
            self._experiment.log({**event, **self._pending}, step=number)
        self._pending = {}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Put a figure of the user's own beside those of the last event."""
        self._open().log(dict(metrics), commit=False)

    def log_table(self, name: str, table: Table, step: int) -> None:
        """Keep the answers until their event."""
        self._pending[name] = self._table(table, self._rows["validation"])

    def log_results(self, results: Results) -> None:
        """Write figures and tables into the summary, and the model as an artifact if that was chosen."""
        run = self._open()
        tables = {name: self._table(table, self._rows["test"]) for name, table in results.tables.items()}
        run.summary.update({**results.figures, **tables})
        if self._log_model:
            import wandb

            artifact = wandb.Artifact(f"model-{self.run.key}", type="model", metadata=dict(results.figures))
            artifact.add_dir(str(results.model), policy="immutable")  # it stays where it is, and is not copied
            run.log_artifact(artifact)

    def close(self, ending: Ending) -> None:
        """Finish the run, and give the environment back."""
        if self._experiment is None:
            return
        experiment, self._experiment = self._experiment, None
        try:
            experiment.summary["state"] = ending.state
            experiment.finish(exit_code=ending.exit_code)
            if experiment.offline and not experiment.disabled:
                wait_for_end(Path(experiment.dir).parent)
        finally:
            self._environment.restore()

    def _open(self) -> Any:
        if self._experiment is None:
            self._environment.take()
            try:
                self._experiment = self._init()
            except BaseException:
                self._environment.restore()
                raise
            self._define_axes()
            parts = held_events(self.run.folder / FOLDER)
            self._held = max(parts, self._experiment.starting_step)
        return self._experiment

    def _init(self) -> Any:
        try:
            return self._init_as(self._mode)
        except Exception as error:
            if self._mode != "online":
                raise
            self.tell(
                f"logger.wandb.mode=online: W&B does not answer ({' '.join(str(error).split())}); this run is kept "
                "offline, and fsqa wandb sync sends it later"
            )
            self._give_up()
            return self._init_as("offline")

    def _give_up(self) -> None:
        """Have W&B forget the run that could not begin, so that its id is free."""
        import wandb

        wandb.teardown()

    def _init_as(self, mode: Literal["offline", "online", "disabled"]) -> Any:
        import wandb

        return wandb.init(
            project=self.run.study[:LONGEST],
            entity=self._entity,
            id=self.run.key,
            name=self.run.name[:LONGEST],
            group=self.run.cell[-LONGEST:],
            job_type="train",
            tags=[tag[:LONGEST_TAG] for tag in (*self.run.tags, *self._tags)],
            config=dict(self.run.config),
            mode=mode,
            dir=str(self.run.folder.absolute()),  # W&B's own process may have started in another folder
            resume="allow",
            reinit="create_new",
            save_code=False,
            settings=wandb.Settings(silent=True, console="off", init_timeout=ANSWER_SECONDS),
        )

    def _define_axes(self) -> None:
        for axis in ("step", "loss_tokens", "seconds"):
            self._experiment.define_metric(axis)
        for names in ("train/*", "val/*"):
            self._experiment.define_metric(names, step_metric="step")
        for name, best in BEST.items():
            self._experiment.define_metric(name, step_metric="step", summary=f"last,{best}")

    def _table(self, table: Table, most: int) -> Any:
        import wandb

        shown = first(table, most)
        self._open()
        return wandb.Table(columns=list(shown.columns), data=[list(row) for row in shown.rows])

    def _forget(self) -> None:
        """Remove what an earlier attempt left that was never sent: its history has been thrown away too."""
        for part in (self.run.folder / FOLDER).glob("offline-run-*"):
            if not any(part.glob("*.synced")):
                shutil.rmtree(part, ignore_errors=True)
