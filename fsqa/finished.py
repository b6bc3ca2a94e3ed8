"""A finished run, loaded back: its model, tokenizer, prompt and way of decoding."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsqa import model_store
from fsqa.config.instantiate import build
from fsqa.config.rehearse import rehearsed
from fsqa.errors import InputError, did_you_mean
from fsqa.model.quantization import Quantization
from fsqa.model.tokenizer import read_tokenizer
from fsqa.study.folder import read_status
from fsqa.study.run_files import read_config


@dataclass(frozen=True)
class Finished:
    """The folder of a run that is done, and the config it was run with."""

    path: Path
    config: dict[str, Any]
    choices: dict[str, str]

    @property
    def cache(self) -> Path:
        """Where the run's prepared data is, from whichever folder the command is typed."""
        return self.path.parent.parent / ".cache"


def find_run(path: Path) -> Finished:
    """Open a run folder, or the only run of a study folder; anything else is an InputError that lists what is there."""
    if not path.is_dir():
        near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise InputError(f"no run folder {path}{near}; wanted a folder that fsqa train wrote, as outputs/<study>/<run>")
    if not (path / "status.json").is_file():
        runs = sorted(p.parent for p in path.glob("*/status.json"))
        if len(runs) != 1:
            names = ", ".join(str(run) for run in runs[:4]) + (" ..." if len(runs) > 4 else "")
            held = f"it holds {len(runs)} runs ({names}): name one" if runs else "it holds no run"
            raise InputError(f"{path} is no run folder; {held}")
        path = runs[0]
    status = read_status(path)
    if status.get("state") != "done":
        raise InputError(f"{path}: this run is {status.get('state')}, not done; type its fsqa train command again")
    written = read_config(path)
    if not written:
        raise InputError(f"{path}/config.yaml: is gone or empty; restore it, or delete {path} and run it again")
    config = with_decisions(rehearsed(written), status.get("decided") or {})
    return Finished(path=path, config=config, choices=status.get("choices", {}))


def with_decisions(config: dict[str, Any], decided: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with the keys that the data decided, by their dotted names, filled in."""
    changed = copy.deepcopy(config)
    for name, value in decided.items():
        group, _, key = name.partition(".")
        changed[group][key] = value
    return changed


def load_model(run: Finished, quantization: Quantization | None = None) -> tuple[Any, Any]:
    """Return the run's model, in eval mode on the best device, and its tokenizer.

    Without a quantization of its own, or with ``none``, it is loaded in the numbers it was trained in.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = run.path / "model"
    if not any((folder / name).is_file() for name in ("config.json", model_store.ADAPTER_CONFIG)):
        raise InputError(f"{folder}: the run's model is gone; delete {run.path} and run it again")
    if quantization is None or quantization.kind == "none":
        quantization = build(run.config["tuning"]).quantization
    model = model_store.load(
        folder,
        build(run.config["objective"]).model_class,
        dtype=run.config["model"].get("dtype", "float32"),
        device="cuda" if torch.cuda.is_available() else "cpu",
        quantization=quantization,
    )
    return model, read_tokenizer(str(folder), revision=None)
