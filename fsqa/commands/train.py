"""``fsqa train``: a Hydra application around one run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from fsqa.config.check import check_config
from fsqa.config.compose import compose_config, config_folder, own_folder, parse
from fsqa.errors import InputError

MULTIRUN = ("-m", "--multirun")


def run(words: list[str]) -> int:
    """Check the overrides, then hand over to Hydra; return the exit code."""
    overrides = [word for word in _positional(words) if not word.startswith("-")]
    multirun = any(word in MULTIRUN for word in words)
    parsed = parse(overrides)
    if not multirun:
        for override in parsed:
            if override.is_sweep_override():
                raise InputError(f"'{override.input_line}' is a sweep over several values; add -m to run them all")
    cfg = compose_config(overrides)
    if not _only_asks(words):
        check_config(cfg)
    jobs = Jobs()
    _hand_over(words, jobs)
    return jobs.finish()


def _positional(words: Sequence[str]) -> list[str]:
    """Leave out options that take a value of their own."""
    left_out = {
        i + 1
        for i, word in enumerate(words)
        if word
        in (
            "-c",
            "--cfg",
            "-p",
            "--package",
            "-cd",
            "--config-dir",
            "-cn",
            "--config-name",
            "-i",
            "--info",
            "-sc",
            "--experimental-rerun",
        )
    }
    return [word for i, word in enumerate(words) if i not in left_out]


def _only_asks(words: Sequence[str]) -> bool:
    """Say whether Hydra will only print something."""
    return any(
        word in ("-h", "--help", "--hydra-help", "-c", "--cfg", "-i", "--info", "--resolve", "-sc")
        or word.startswith(("--cfg=", "--info=", "--help"))
        for word in words
    )


class Jobs:
    """Runs each job that Hydra composes, and remembers how it ended.

    A job never raises into Hydra, which would print a traceback of its own and, in a sweep, forget all but the
    first error.
    """

    def __init__(self) -> None:
        self.count = 0
        self.failed: list[tuple[str, Exception]] = []

    def __call__(self, cfg: DictConfig) -> None:
        """Run one job; its failure is told at the end, after the others had their turn."""
        from hydra.core.hydra_config import HydraConfig

        from fsqa.train import train

        hydra = HydraConfig.get()
        name = " ".join(hydra.overrides.task) or "defaults"
        self.count += 1
        started = time.monotonic()
        try:
            folder = train(check_config(cfg), dict(hydra.runtime.choices))
        except Exception as error:  # noqa: BLE001  # the sweep goes on; finish() tells, status.json has the traceback
            self.failed.append((name, error))
        else:
            _tell(folder.path, time.monotonic() - started, folder.status)

    def finish(self) -> int:
        """Raise a single run's error, or list what failed in a sweep and return the exit code."""
        if not self.failed:
            return 0
        if self.count == 1:
            raise self.failed[0][1]
        print(
            f"fsqa: {len(self.failed)} of {self.count} runs failed; the same command tries them again", file=sys.stderr
        )
        for name, error in self.failed:
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            print(f"  {name}: {kind}{error}", file=sys.stderr)
        return 2 if all(isinstance(error, InputError) for _, error in self.failed) else 1


def _hand_over(words: list[str], jobs: Jobs) -> None:
    import hydra

    own = own_folder()
    extra = [f"hydra.searchpath=[file://{own}]"] if own else []
    sys.argv = ["fsqa train", *words, *extra]
    hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="train")(jobs)()


def _tell(path: Path, seconds: float, status: dict[str, Any]) -> None:
    import json

    test = json.loads((path / "metrics.json").read_text(encoding="utf-8"))["test"]
    figures = (
        f"exact match {100 * test['exact_match']:.1f}, F1 {100 * test['f1']:.1f}, answer NLL {test['answer_nll']:.3f}"
    )
    took = "already done" if seconds < 1 and status["seconds"] and status["seconds"] > seconds else f"{seconds:.0f} s"
    print(f"{path}  {figures}  ({took})")
