"""Every combination of the listed values: Hydra's own grid, whose jobs survive each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from fsqa.config.compose import parse
from fsqa.errors import InputError
from fsqa.sweep.base import Sweep


class GridSweeper(BasicSweeper):
    """Runs every combination of the values that overrides and ``params`` list.

    ``max_batch_size`` is the most jobs the launcher gets at once; None: all.
    """

    def __init__(self, max_batch_size: int | None = None, params: Mapping[str, str] | None = None) -> None:
        super().__init__(max_batch_size=max_batch_size, params=dict(params or {}))

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Prepare for the sweep that the task function asks for: it holds what is to become of the result."""
        self._sweep = Sweep(config=config, hydra_context=hydra_context, result=task_function.sweep)  # type: ignore[attr-defined]

    def sweep(self, arguments: list[str]) -> Any:
        """Check all jobs, then run them batch by batch."""
        with self._sweep.begun():
            if not (self.max_batch_size is None or (isinstance(self.max_batch_size, int) and self.max_batch_size > 0)):
                raise InputError(f"hydra.sweeper.max_batch_size: wanted 1 or more, or null, got {self.max_batch_size}")
            overrides = parse([*(f"{key}={value}" for key, value in self.params.items()), *arguments])
            for override in overrides:
                if override.is_sweep_override() and not override.is_discrete_sweep():
                    raise InputError(
                        f"'{override.input_line}' has no values to list for a grid; name some, as in "
                        f"{override.key_or_group}=a,b,c, or search with hydra/sweeper=optuna"
                    )
            (jobs,) = self.split_arguments(overrides, None)
            planned = self._sweep.plan(jobs)
            size = len(planned) if self.max_batch_size is None else self.max_batch_size
            for first in range(0, len(planned), size):
                self._sweep.launch(planned[first : first + size])
