"""``fsqa train``: a Hydra application around one run."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import NoReturn

from omegaconf import DictConfig, OmegaConf, open_dict

from fsqa.commands.arguments import mistake
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config, config_folder, own_option, parse, refuse_sweeps, searching
from fsqa.config.devices import rank, refuse_in_sweep
from fsqa.errors import InputError
from fsqa.study.folder import RunFolder
from fsqa.sweep.base import SweepResult
from fsqa.sweep.plugins import check_launcher, register
from fsqa.sweep.stop import stoppable
from fsqa.sweep.telling import tell, tell_end

NAME = "train"
"""The config that is composed."""

ELSEWHERE = ("config_path", "config_name", "config_dir", "experimental_rerun")
"""Hydra's options that would compose something else than what is checked here."""

EXCLUSIVE = ("run", "multirun", "cfg", "info")


def run(words: list[str]) -> int:
    """Check the overrides, then hand over to Hydra; return the exit code."""
    from hydra.types import RunMode

    options = _options(words)
    parsed = parse(options.overrides)
    only_asks, multirun = options.help or options.hydra_help or options.cfg or options.info, False
    if options.overrides or not only_asks:
        cfg = compose_config(options.overrides, NAME, with_hydra=True)
        multirun = options.multirun or cfg.hydra.mode is RunMode.MULTIRUN
        if not multirun:
            refuse_sweeps(parsed, "add -m to run them all")
        if multirun:
            check_launcher(str(OmegaConf.select(cfg, "hydra.launcher._target_")))
            register(str(OmegaConf.select(cfg, "hydra.sweeper._target_")))
        if multirun and not only_asks:
            with open_dict(cfg):
                del cfg["hydra"]
            refuse_in_sweep(check_config(cfg))
    jobs = Jobs(command=[sys.argv[0], "train", *words])
    flags = [word for word in words if word not in options.overrides]
    with stoppable():
        if only_asks or multirun or options.shell_completion or options.resolve:
            _hand_over([*flags, *options.overrides], jobs)
        else:
            _run_once(cfg, jobs)
    return jobs.finish()


def _options(words: Sequence[str]) -> Namespace:
    """Parse Hydra's own options, with overrides anywhere between them."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.prog = "fsqa train"

    def error(message: str) -> NoReturn:
        raise InputError(mistake(parser, message))

    parser.error = error  # type: ignore[method-assign]
    options = parser.parse_intermixed_args(list(words))
    asked = [name for name in EXCLUSIVE if getattr(options, name)]
    if len(asked) > 1:
        raise InputError(f"--{asked[0]} and --{asked[1]} exclude each other; take one of them")
    for name in ELSEWHERE:
        if getattr(options, name) is not None:
            raise InputError(
                f"--{name.replace('_', '-')}: fsqa train composes its own configs; files of yours in ./conf stand "
                "beside them, and an experiment is one file, ./conf/experiment/NAME.yaml"
            )
    return options


class Jobs:
    """What Hydra calls for a single run, and where a sweeper leaves how its runs ended.

    A run never raises into Hydra, which would print a traceback of its own.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        """What was typed: Lightning types it again for every further device."""
        self.error: Exception | None = None
        self.sweep = SweepResult()

    def __call__(self, cfg: DictConfig) -> None:
        """Run once, in this process."""
        from hydra.core.hydra_config import HydraConfig

        from fsqa.train import train

        started = time.monotonic()
        hydras, sys.argv = sys.argv, self.command
        try:
            config = check_config(cfg)
            folder = RunFolder(config, dict(HydraConfig.get().runtime.choices))
            was_done = folder.is_done
            train(folder)
        except Exception as error:  # noqa: BLE001  # finish() raises it, past Hydra
            self.error = error
        else:
            if not rank(config["trainer"]):
                tell(folder.path, "already done" if was_done else f"{time.monotonic() - started:.0f} s")
        finally:
            sys.argv = hydras

    def finish(self) -> int:
        """Raise the error of a single run or of a sweep that could not begin, or tell how a sweep went."""
        if error := self.error or self.sweep.refused:
            raise error
        return tell_end(self.sweep.outcomes)


def _run_once(cfg: DictConfig, jobs: Jobs) -> None:
    """Run the composed config as Hydra does, which by itself would compose it twice more: half a second."""
    from hydra._internal.callbacks import Callbacks
    from hydra.core.utils import run_job
    from hydra.types import HydraContext, RunMode

    with open_dict(cfg):
        cfg.hydra.mode = RunMode.RUN
    callbacks = Callbacks(cfg)
    with searching() as loader:
        context = HydraContext(config_loader=loader, callbacks=callbacks)
        callbacks.on_run_start(config=cfg, config_name=NAME)
        ended = run_job(jobs, cfg, job_dir_key="hydra.run.dir", job_subdir_key=None, hydra_context=context)
        callbacks.on_run_end(config=cfg, config_name=NAME, job_return=ended)
    _ = ended.return_value  # raises what the job raised


def _hand_over(words: list[str], jobs: Jobs) -> None:
    import hydra

    before, sys.argv = sys.argv, ["fsqa train", *own_option(), *words]
    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name=NAME)(jobs)()
    finally:
        sys.argv = before
