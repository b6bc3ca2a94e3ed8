"""The training loop of a run: Lightning's Trainer, put together and resumed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LambdaCallback, ModelCheckpoint
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.multiprocessing.spawn import ProcessRaisedException

from fsqa import footprint
from fsqa.callbacks.bar import StepBar
from fsqa.callbacks.history import History
from fsqa.callbacks.idle import Unprofiled, without_idle_hooks
from fsqa.callbacks.last_validation import LastValidation
from fsqa.callbacks.monitors import Monitors
from fsqa.callbacks.pruning import Pruning
from fsqa.callbacks.totals import FILE, TotalsWriter
from fsqa.checkpoint import StreamedCheckpoints
from fsqa.config.assemble import Assembly
from fsqa.config.devices import device_count, is_auto_mesh, micro_batch_size, rank
from fsqa.config.instantiate import build
from fsqa.data.batches import on_device
from fsqa.data.module import QuestionDataModule, accumulation
from fsqa.errors import InputError, Stopped
from fsqa.footprint import Footprint
from fsqa.logger.loggers import Loggers
from fsqa.memory import peak_mb
from fsqa.objective.module import ObjectiveModule
from fsqa.objective.self_check import check_objective
from fsqa.study.folder import RunFolder
from fsqa.study.trial import Reporting, TrialJudge

REFUSED = "fsqa.errors.InputError: "
"""How the traceback of another process ends when it refused its input."""


def fit(
    config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, folder: RunFolder, loggers: Loggers
) -> None:
    """Train the objective, or go on from the folder's last checkpoint; the best weights are in the folder then.

    Raises InputError when there are none, for the process that owns the run.
    """
    devices = device_count(config)
    micro_batch = micro_batch_size(config, devices)
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    data = QuestionDataModule(
        train=assembly.examples["train"],
        validation=assembly.examples["validation"],
        pad_id=assembly.encoder.end_id,
        batch_size=config["batch_size"],
        micro_batch_size=micro_batch,
        seed=config["seed"],
        workers=0,
    )
    callbacks = _callbacks(config, assembly, folder, loggers)
    accumulated = accumulation(config["batch_size"], micro_batch, devices)
    trainer = _trainer(
        config, [LastValidation(), Monitors(), *callbacks.values()], folder, loggers, devices, accumulated
    )
    resume = folder.last_checkpoint if folder.last_checkpoint.is_file() else None
    if resume is None:
        check_objective(objective, on_device(data.train_dataloader().first(), objective.device))
    _train(trainer, objective, data, resume)
    if not rank(config["trainer"]):
        _check_best(callbacks["best"], folder)


def _train(trainer: pl.Trainer, objective: ObjectiveModule, data: QuestionDataModule, resume: Path | None) -> None:
    """Train; whatever ends it here ends the other processes too."""
    try:
        trainer.fit(objective, datamodule=data, ckpt_path=resume)
    except BaseException as error:
        if (launcher := trainer.strategy.launcher) is not None:
            launcher.kill(signal.SIGKILL)
        if isinstance(error, SIGTERMException):  # a stop that some library has swallowed; Lightning remembers it
            raise Stopped(signal.SIGTERM) from None
        told = str(error).rstrip().rpartition("\n")[2]
        if isinstance(error, ProcessRaisedException) and told.startswith(REFUSED):
            raise InputError(told.removeprefix(REFUSED)) from error
        raise


def _callbacks(
    config: Mapping[str, Any], assembly: Assembly, folder: RunFolder, loggers: Loggers
) -> dict[str, pl.Callback]:
    """Build the callbacks of the config; the named ones get what only a run knows."""
    validation = assembly.records.splits["validation"]
    runtime: dict[str, dict[str, Any]] = {
        "best": {
            "dirpath": folder.best_checkpoint.parent,
            "filename": folder.best_checkpoint.stem,
            "save_weights_only": True,
            "enable_version_counter": False,
        },
        "answers": {"evaluator": assembly.evaluator, "records": validation, "loggers": loggers},
        "history": {"path": folder.path / "history.jsonl", "loggers": loggers},
        "progress": {"path": folder.last_checkpoint},
    }
    # Answers log the metrics that the best checkpoint and early stopping look at, so they come first.
    order = sorted(config["callbacks"], key=lambda name: name != "answers")
    callbacks = {
        name: build(config["callbacks"][name], **runtime.get(name, {}))
        for name in order
        if config["callbacks"][name] is not None
    }
    history = callbacks["history"]
    assert isinstance(history, History)
    return callbacks | {
        "total": LambdaCallback(on_train_start=partial(_write_total, folder)),
        "footprint": Footprint(path=folder.path / footprint.FILE),
        "totals": TotalsWriter(path=folder.path / FILE, history=history, peak_mb=peak_mb),
        **_pruning(config, folder),
    }


def _pruning(config: Mapping[str, Any], folder: RunFolder) -> dict[str, pl.Callback]:
    """Build what stops a run that falls behind; nothing for a run that belongs to no search."""
    trial = config["sweep"]["trial"]
    if trial is None:
        return {}
    reporting = Reporting.read(folder.path.parent)
    return {"pruning": Pruning(metric=reporting.metric, judge=TrialJudge(reporting, trial, config["seed"]))}


def _write_total(folder: RunFolder, trainer: pl.Trainer, _: pl.LightningModule) -> None:
    """Write how many optimizer steps there will be, at most, so that others can see how far the run is."""
    if trainer.is_global_zero:
        folder.update(total_steps=int(trainer.estimated_stepping_batches))


def _trainer(
    config: Mapping[str, Any],
    callbacks: list[pl.Callback],
    folder: RunFolder,
    loggers: Loggers,
    devices: int,
    accumulated: int,
) -> pl.Trainer:
    settings = dict(config["trainer"])
    if settings["enable_progress_bar"] and sys.stderr.isatty():
        callbacks = [*callbacks, StepBar(title=f"{folder.choices.get('loss', 'training')}, seed {config['seed']}")]
    settings |= {
        "devices": devices,
        "strategy": _strategy(settings["strategy"], devices),
        "enable_progress_bar": False,
        "accumulate_grad_batches": accumulated,
        # Lightning counts micro-batches; the config counts optimizer steps.
        "val_check_interval": settings["val_check_interval"] * accumulated,
    }
    trainer: pl.Trainer = build(
        settings,
        callbacks=[without_idle_hooks(callback) for callback in callbacks],
        logger=list(loggers.working) or False,  # callbacks of the user's own may log by themselves
        default_root_dir=str(folder.path),
        **({} if settings.get("profiler") else {"profiler": Unprofiled()}),
        enable_checkpointing=True,
        check_val_every_n_epoch=None,
        use_distributed_sampler=False,
    )
    if isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):  # others write in a way of their own
        trainer.strategy.checkpoint_io = StreamedCheckpoints()
    return trainer


def _strategy(node: Any, devices: int) -> Any:
    """Return a strategy for so many devices."""
    if isinstance(node, Mapping):
        auto = {"data_parallel_size": devices // node["tensor_parallel_size"]} if is_auto_mesh(node) else {}
        return build({**node, **auto})
    return node


def _check_best(best: pl.Callback, folder: RunFolder) -> None:
    assert isinstance(best, ModelCheckpoint)
    if not folder.best_checkpoint.is_file():
        raise InputError(
            f"callbacks.best.monitor: no validation logged '{best.monitor}', so there is no best checkpoint; "
            "lower trainer.val_check_interval, or monitor one of val/answer_nll, val/token_accuracy, val/exact_match, "
            "val/f1"
        )


def load_best(objective: ObjectiveModule, folder: RunFolder) -> None:
    """Give an objective as it was before training the best weights of a finished training."""
    checkpoint = torch.load(folder.best_checkpoint, map_location="cpu", weights_only=True, mmap=True)
    objective.on_load_checkpoint(checkpoint)  # it holds what learned, and must hold all of it
    objective.load_state_dict(checkpoint["state_dict"], strict=False)
