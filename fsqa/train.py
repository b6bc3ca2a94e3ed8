"""One run, from a checked config to a finished folder."""

from __future__ import annotations

import gc
import logging
import sys
import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsqa.config.dataset import build_dataset
from fsqa.config.devices import at_hand, device_count, rank
from fsqa.dataset.own_test import file_fingerprint
from fsqa.errors import InputError
from fsqa.lean_imports import load_libraries, uncollected
from fsqa.progress import working
from fsqa.study.folder import RunFolder

if TYPE_CHECKING:
    from fsqa.config.assemble import Assembly
    from fsqa.objective.module import ObjectiveModule


def train(folder: RunFolder) -> None:
    """Train, test and save the run that ``folder`` stands for.

    A run is idempotent: a finished one is left as it is, an interrupted one goes on from its last checkpoint,
    a failed one is tried again. Of the processes that train one run together, only the first writes.
    Raises InputError for input that cannot work.
    """
    if rank(folder.config["trainer"]):
        _assist(folder)
        return
    fingerprint = _data_fingerprint(folder)
    folder.check_data(fingerprint)
    if not folder.is_done:
        with folder.running() as has_begun:
            if has_begun:
                folder.update(data_fingerprint=fingerprint)
                _run(folder)


def is_finished(folder: RunFolder) -> bool:
    """Whether the run has its result already; raises InputError when its data is no longer what it was made from."""
    if not folder.is_done:
        return False
    folder.check_data(_data_fingerprint(folder))
    return True


def _data_fingerprint(folder: RunFolder) -> str | None:
    """Return what the data is known by, or None: for the hub's, and for a finished run whose data is gone.

    Of test questions beside data from the hub, the file alone is known.
    """
    config = folder.config
    own_test = config.get("test_questions")
    try:
        if _is_on_hub(config["dataset"]):
            return file_fingerprint(own_test) if own_test else None
        return build_dataset(config).fingerprint()
    except InputError:
        if folder.is_done:
            return None
        raise


def _is_on_hub(dataset: object) -> bool:
    """Say whether a dataset's node, or one of those that it is made of, is read from the hub."""
    if not isinstance(dataset, Mapping):
        return False
    return bool(dataset.get("hub") and not dataset.get("path")) or any(map(_is_on_hub, dataset.values()))


def _run(folder: RunFolder) -> None:
    with working("loading torch, Lightning and transformers"), uncollected():
        load_libraries()
        from fsqa.config.assemble import assemble, assemble_objective
        from fsqa.fit import fit, load_best
        from fsqa.memory import forget_peak
        from fsqa.results import write_results
        from fsqa.run_baselines import baselines
        from fsqa.run_loggers import watched

    started = time.monotonic()
    _quiet()
    forget_peak()
    config, note = _config(folder)
    assembly = assemble(config, folder.cache)
    folder.update(data_sha256=assembly.records.sha256, decided=assembly.decided)
    for told in [*([note] if note else []), *assembly.notes()]:
        print(f"fsqa: note: {told}", file=sys.stderr)
    objective = assemble_objective(config, assembly)
    early = baselines(config, assembly, objective, folder.cache) if _may_refuse(config, assembly, objective) else None
    with watched(config, assembly, objective, folder) as loggers:
        fit(config, assembly, objective, folder, loggers)
        del objective
        gc.collect()  # the trainer and what it trained know each other; there is to be one model at a time
        objective = assemble_objective(config, assembly)  # as it was, whole, and on the device
        comparison = early or baselines(config, assembly, objective, folder.cache)
        load_best(objective, folder)
        write_results(config, assembly, objective, comparison, folder)
    folder.update(seconds=round(time.monotonic() - started, 3))


def _may_refuse(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule) -> bool:
    """Say whether scoring the test split could refuse its data or lengths: that is told before training, not after."""
    from fsqa.encode.blocks import BlockEncoder

    positions = getattr(objective.model.config, "max_position_embeddings", None)
    longest = config["max_length"] + getattr(assembly.evaluator.generation, "max_new_tokens", 0)
    return (
        bool(assembly.evaluator.scoring.scorers)
        or isinstance(assembly.encoder, BlockEncoder)
        or (positions is not None and longest > positions)
    )


def _assist(folder: RunFolder) -> None:
    """Train with the process that owns the run, and leave all else to it."""
    with uncollected():
        load_libraries()
        from fsqa.config.assemble import assemble, assemble_objective
        from fsqa.fit import fit
        from fsqa.memory import forget_peak
        from fsqa.run_loggers import assemble_loggers

    _quiet()
    forget_peak()
    config, _ = _config(folder)
    assembly = assemble(config, folder.cache)
    objective = assemble_objective(config, assembly)
    fit(config, assembly, objective, folder, assemble_loggers(config, assembly, objective, folder))


def _config(folder: RunFolder) -> tuple[dict[str, Any], str | None]:
    """Return the config as it is trained here, and a note if a rehearsal had to do without a GPU."""
    from fsqa.config.rehearse import rehearsed

    config, note = at_hand(rehearsed(folder.config))
    device_count(config)
    return config, note


def _quiet() -> None:
    """Keep advice that a run cannot act on out of the terminal; errors and our own lines stay."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "transformers", "bm25s"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message="Encountered `nan` values.*")  # our own line tells it
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*before.*optimizer.step.*")
