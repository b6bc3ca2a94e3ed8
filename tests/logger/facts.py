"""A run to log, without a training."""

from pathlib import Path

from fsqa.logger.base import RunFacts
from fsqa.logger.wandb import WandbLogger


def facts(folder: Path, **changes: object) -> RunFacts:
    folder.mkdir(parents=True, exist_ok=True)
    known = {
        "folder": folder,
        "study": "study",
        "name": f"run {folder.name}",
        "cell": "cell #1",
        "key": f"key{folder.name}",
        "tags": ("atlas",),
        "config": {"seed": 0, "optimizer": {"lr": 0.5}},
    }
    return RunFacts(**{**known, **changes})


def wandb_logger(folder: Path, **changes: object) -> WandbLogger:
    settings = {
        "mode": "offline",
        "entity": None,
        "tags": [],
        "validation_rows": 2,
        "test_rows": 3,
        "log_model": False,
    }
    return WandbLogger(run=facts(folder), **{**settings, **changes})


def events(count: int) -> list[dict]:
    """A history of so many lines."""
    return [
        {"step": 10 * i, "seconds": float(i), "loss_tokens": 5 * i, "train/loss": 1 / (i + 1)} for i in range(count)
    ]
