"""The adapter of a run, with a base that is found from anywhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from fsqa.errors import InputError
from fsqa.export.weights import has_adapter
from fsqa.files import write_json
from fsqa.finished import Finished
from fsqa.model_store import ADAPTER_CONFIG, BASE


def check_adapter(finished: Finished) -> None:
    """Raise InputError unless the run has an adapter."""
    if not has_adapter(finished):
        tuning = finished.choices.get("tuning", "custom")
        raise InputError(
            f"--format adapter: {finished.path.name} was tuned with tuning={tuning} and has no adapter; take "
            "--format merged, which is its whole model"
        )


def write_adapter(finished: Finished, folder: Path, target: Path) -> None:
    """Copy the adapter, its tokenizer, and a base that only the run has.

    ``target`` is what ``folder`` will be called: the name by which PEFT finds a base that was copied.
    """
    shutil.copytree(finished.path / "model", folder, dirs_exist_ok=True)
    if (folder / BASE).is_dir():
        config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        write_json(folder / ADAPTER_CONFIG, config | {"base_model_name_or_path": str(target.resolve() / BASE)})
