"""Sending the W&B runs of a study that were kept offline, by W&B's own command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fsqa.errors import InputError, did_you_mean

NOTHING = 7
"""Bytes of a file without a record: what a process leaves that was killed at once."""


@dataclass(frozen=True)
class Part:
    """A W&B run kept offline; a run of ours that was started again has several, and W&B joins them."""

    run: str
    file: Path

    @property
    def is_sent(self) -> bool:
        """Whether W&B has marked it as sent."""
        return self.file.with_name(f"{self.file.name}.synced").exists()


def find_parts(folder: Path) -> tuple[Part, ...]:
    """Return what a study, or one run, holds for W&B, in the order of their start; parts without a record are left out.

    Raises InputError for a folder that is not there, or in which no run was logged to W&B.
    """
    if not folder.is_dir():
        near = did_you_mean(folder.name, [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else [])
        raise InputError(f"no study folder '{folder}'{near}")
    runs = [folder] if (folder / "status.json").is_file() else sorted(p.parent for p in folder.glob("*/status.json"))
    parts = tuple(
        Part(run.name, file)
        for run in runs
        for file in sorted((run / "wandb").glob("offline-run-*/run-*.wandb"))
        if file.stat().st_size > NOTHING
    )
    if not parts:
        raise InputError(f"{folder}: no run of it was logged to W&B offline; train with logger=wandb")
    return parts


def send(parts: Sequence[Part], *, entity: str | None) -> int:
    """Hand the parts to ``wandb sync``, which tells what it does; return how many it has sent."""
    chosen = ["--entity", entity] if entity else []
    folders = [str(part.file.parent) for part in parts]
    subprocess.run([sys.executable, "-m", "wandb", "sync", *chosen, *folders], check=False)
    return sum(part.is_sent for part in parts)
