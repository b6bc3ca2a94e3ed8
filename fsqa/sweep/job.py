"""One job of a sweep, as any launcher runs it in any process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fsqa.config.settings import SweepSettings
from fsqa.study.ending import one_line
from fsqa.study.folder import RunFolder, is_locked
from fsqa.sweep.control import Control
from fsqa.sweep.isolation import run_apart
from fsqa.sweep.outcome import Outcome, figures
from fsqa.sweep.slots import places_wanted, taken, visible_gpus
from fsqa.sweep.telling import tell

HELD = "another process is running this run"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What Hydra's launchers call for every job of a sweep, with nothing but the composed config to go by.

    It never raises, but when the sweep itself is being stopped: what became of the run is what it returns.
    """

    control: Control

    def __call__(self, cfg: DictConfig) -> Outcome:
        """Run the job that a config stands for in a process of its own."""
        from hydra.core.hydra_config import HydraConfig

        hydra = HydraConfig.get()
        config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
        overrides = tuple(hydra.overrides.task)
        folder = RunFolder(config, dict(hydra.runtime.choices))
        blank = Outcome(run=str(folder.path), state="not started")
        try:
            with self.control.held():
                outcome = self._begin(folder, overrides, blank)
        except FileNotFoundError:
            return replace(blank, reason="the sweep was over")
        except Exception as error:  # noqa: BLE001  # the sweep goes on, and tells it at its end
            outcome = replace(blank, state="failed", reason=one_line(error))
        self.control.record(outcome)
        if outcome.is_done:
            tell(folder.path, f"{outcome.seconds:.0f} s" if outcome.state == "done" else outcome.state)
        return outcome

    def _begin(self, folder: RunFolder, overrides: tuple[str, ...], blank: Outcome) -> Outcome:
        settings = SweepSettings(**folder.config["sweep"])
        if reason := self.control.refusal(settings.tolerated):
            return replace(blank, reason=reason)
        if is_locked(folder.path):
            return replace(blank, state="elsewhere", reason=HELD)
        if folder.is_done:  # by another sweep, since this one was planned
            return replace(blank, state="already done", values=figures(folder.path))
        devices = visible_gpus()
        wanted = places_wanted(folder.config["trainer"], devices)
        with taken(devices, wanted, settings.jobs_per_gpu, self.control.is_stopped) as mine:
            if mine is None or (reason := self.control.refusal(settings.tolerated)):
                return replace(blank, reason=reason or "the sweep was stopped")
            return run_apart(folder, overrides, _environment(mine), self.control.is_stopped)


def _environment(gpus: tuple[str, ...]) -> Mapping[str, str]:
    return {**os.environ, **({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {})}
