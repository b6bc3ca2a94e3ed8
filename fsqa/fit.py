"""The training loop of a run: Lightning's Trainer, put together and resumed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from fsqa.callbacks.bar import StepBar
from fsqa.callbacks.history import History
from fsqa.callbacks.last_validation import LastValidation
from fsqa.config.assemble import Assembly
from fsqa.config.instantiate import build
from fsqa.data.batches import on_device
from fsqa.data.module import QuestionDataModule, accumulation
from fsqa.errors import InputError
from fsqa.objective.module import ObjectiveModule
from fsqa.objective.self_check import check_objective
from fsqa.study.folder import RunFolder


def fit(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, folder: RunFolder) -> History:
    """Train the objective, or go on from the folder's last checkpoint, and leave it with its best weights."""
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    data = QuestionDataModule(
        train=assembly.examples["train"],
        validation=assembly.examples["validation"],
        pad_id=assembly.encoder.end_id,
        batch_size=config["batch_size"],
        micro_batch_size=config["micro_batch_size"],
        seed=config["seed"],
        workers=0,
    )
    callbacks = _callbacks(config, assembly, folder)
    trainer = _trainer(config, [LastValidation(), *callbacks.values()], folder)
    resume = folder.last_checkpoint if folder.last_checkpoint.is_file() else None
    if resume is None:
        check_objective(objective, on_device(data.train_dataloader().first(), objective.device))
    device = objective.device
    trainer.fit(objective, datamodule=data, ckpt_path=resume)
    objective.to(device)  # Lightning leaves it on the CPU, but there are questions to answer yet
    _load_best(objective, callbacks["best"], folder)
    history = callbacks["history"]
    assert isinstance(history, History)
    return history


def _callbacks(config: Mapping[str, Any], assembly: Assembly, folder: RunFolder) -> dict[str, pl.Callback]:
    """Build the callbacks of the config; the named ones get what only a run knows."""
    validation = assembly.records.splits["validation"]
    runtime: dict[str, dict[str, Any]] = {
        "best": {
            "dirpath": folder.best_checkpoint.parent,
            "filename": folder.best_checkpoint.stem,
            "save_weights_only": True,
            "enable_version_counter": False,
        },
        "answers": {"evaluator": assembly.evaluator, "records": validation},
        "history": {"path": folder.path / "history.jsonl"},
        "progress": {"path": folder.last_checkpoint},
    }
    # Answers log the metrics that the best checkpoint and early stopping look at, so they come first.
    order = sorted(config["callbacks"], key=lambda name: name != "answers")
    return {
        name: build(config["callbacks"][name], **runtime.get(name, {}))
        for name in order
        if config["callbacks"][name] is not None
    }


def _trainer(config: Mapping[str, Any], callbacks: list[pl.Callback], folder: RunFolder) -> pl.Trainer:
    settings = dict(config["trainer"])
    accumulated = accumulation(config["batch_size"], config["micro_batch_size"], int(settings["devices"]))
    if str(settings["precision"]).startswith("16") and not torch.cuda.is_available():
        raise InputError(
            f"trainer.precision={settings['precision']}: there is no GPU here, and on a CPU it would silently become "
            "bfloat16 or turn to NaN; take bf16-mixed or 32-true"
        )
    if settings["enable_progress_bar"] and sys.stderr.isatty():
        callbacks = [*callbacks, StepBar(title=f"{folder.choices.get('loss', 'training')}, seed {config['seed']}")]
    settings |= {
        "enable_progress_bar": False,
        "accumulate_grad_batches": accumulated,
        # Lightning counts micro-batches; the config counts optimizer steps.
        "val_check_interval": settings["val_check_interval"] * accumulated,
    }
    loggers = [
        build(node, **({"save_dir": str(folder.path)} if "save_dir" not in node else {}))
        for node in (config["logger"] or {}).values()
    ]
    trainer: pl.Trainer = build(
        settings,
        callbacks=callbacks,
        logger=loggers or False,
        default_root_dir=str(folder.path),
        enable_checkpointing=True,
        check_val_every_n_epoch=None,
        use_distributed_sampler=False,
    )
    return trainer


def _load_best(objective: ObjectiveModule, best: pl.Callback, folder: RunFolder) -> None:
    assert isinstance(best, ModelCheckpoint)
    if not folder.best_checkpoint.is_file():
        raise InputError(
            f"callbacks.best.monitor: no validation logged '{best.monitor}', so there is no best checkpoint; "
            "lower trainer.val_check_interval, or monitor one of val/answer_nll, val/token_accuracy, val/exact_match, "
            "val/f1"
        )
    state = torch.load(folder.best_checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    objective.load_state_dict(state)
