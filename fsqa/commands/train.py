"""``fsqa train``: a Hydra application around one run."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from omegaconf import DictConfig, open_dict

from fsqa.commands.arguments import mistake
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config, config_folder, own_option, parse, refuse_sweeps
from fsqa.config.devices import rank, refuse_in_sweep
from fsqa.errors import InputError

ELSEWHERE = ("config_path", "config_name", "config_dir", "experimental_rerun")
"""Hydra's options that would compose something else than what is checked here."""

EXCLUSIVE = ("run", "multirun", "cfg", "info")


def run(words: list[str]) -> int:
    """Check the overrides, then hand over to Hydra; return the exit code."""
    from hydra.types import RunMode

    options = _options(words)
    parsed = parse(options.overrides)
    only_asks = options.help or options.hydra_help or options.cfg or options.info
    if options.overrides or not only_asks:
        cfg = compose_config(options.overrides, with_hydra=True)
        multirun = options.multirun or cfg.hydra.mode is RunMode.MULTIRUN
        if not multirun:
            refuse_sweeps(parsed, "add -m to run them all")
        if not only_asks:
            with open_dict(cfg):
                del cfg["hydra"]
            plain = check_config(cfg)
            if multirun:
                refuse_in_sweep(plain)
    jobs = Jobs(command=[sys.argv[0], "train", *words])
    flags = [word for word in words if word not in options.overrides]
    with _stoppable():
        _hand_over([*flags, *options.overrides], jobs)
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


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into SystemExit, so that a run writes that it was interrupted, whatever it is doing.

    Lightning would put Ctrl-C off for good, and hear of SIGTERM only after the batch.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Jobs:
    """Runs each job that Hydra composes, and remembers how it ended.

    A job never raises into Hydra, which would print a traceback of its own and, in a sweep, forget all but the
    first error.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        """What was typed: Lightning types it again for every further device."""
        self.count = 0
        self.failed: list[tuple[str, Exception]] = []

    def __call__(self, cfg: DictConfig) -> None:
        """Run one job; its failure is told at the end, after the others had their turn."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from fsqa.study.folder import RunFolder
        from fsqa.train import train

        hydra = HydraConfig.get()
        name = " ".join(hydra.overrides.task) or "defaults"
        self.count += 1
        started = time.monotonic()
        hydras, sys.argv = sys.argv, self.command
        try:
            config = check_config(cfg)
            if hydra.mode is RunMode.MULTIRUN:
                refuse_in_sweep(config)
            folder = RunFolder(config, dict(hydra.runtime.choices))
            was_done = folder.is_done
            train(folder)
        except Exception as error:  # noqa: BLE001  # the sweep goes on; finish() tells, status.json has the traceback
            self.failed.append((name, error))
        else:
            if not rank(config["trainer"]):
                _tell(folder.path, "already done" if was_done else f"{time.monotonic() - started:.0f} s")
        finally:
            sys.argv = hydras

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

    before, sys.argv = sys.argv, ["fsqa train", *own_option(), *words]
    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="train")(jobs)()
    finally:
        sys.argv = before


def _tell(path: Path, took: str) -> None:
    test = json.loads((path / "metrics.json").read_text(encoding="utf-8"))["test"]
    titles = {"exact_match": "exact match", "f1": "F1"}
    answered = [f"{title} {100 * test[name]:.1f}" for name, title in titles.items() if name in test]
    titles = {"answer_nll": "answer NLL"} if answered else {"answer_nll": "NLL", "perplexity": "perplexity"}
    predicted = [f"{title} {test[name]:.3f}" for name, title in titles.items() if name in test]
    print(f"{path}  {', '.join([*answered, *predicted])}  ({took})")
