"""One run, from a checked config to a finished folder."""

from __future__ import annotations

import logging
import sys
import time
import warnings

from fsqa.config.instantiate import build
from fsqa.errors import InputError
from fsqa.progress import working
from fsqa.study.folder import RunFolder


def train(folder: RunFolder) -> None:
    """Train, test and save the run that ``folder`` stands for.

    A run is idempotent: a finished one is left as it is, an interrupted one goes on from its last checkpoint,
    a failed one is tried again. Raises InputError for input that cannot work.
    """
    fingerprint = _data_fingerprint(folder)
    folder.check_data(fingerprint)
    if not folder.is_done:
        with folder.running():
            folder.update(data_fingerprint=fingerprint)
            _run(folder)


def _data_fingerprint(folder: RunFolder) -> str | None:
    """Return what the data is known by, or None: for the hub's, and for a finished run whose data is gone."""
    dataset = folder.config["dataset"]
    if dataset.get("hub") and not dataset.get("path"):
        return None
    try:
        fingerprint: str = build(dataset).fingerprint()
    except InputError:
        if folder.is_done:
            return None
        raise
    return fingerprint


def _run(folder: RunFolder) -> None:
    with working("loading torch, Lightning and transformers"):
        from fsqa.config.assemble import assemble, assemble_objective
        from fsqa.config.rehearse import rehearsed
        from fsqa.fit import fit
        from fsqa.memory import forget_peak
        from fsqa.results import baselines, write_results

    started = time.monotonic()
    _quiet()
    forget_peak()
    config = rehearsed(folder.config)
    assembly = assemble(config, folder.cache)
    folder.update(data_sha256=assembly.records.sha256, decided=assembly.decided)
    for note in assembly.notes():
        print(f"fsqa: note: {note}", file=sys.stderr)
    objective = assemble_objective(config, assembly)
    comparison = baselines(config, assembly, objective, folder.cache)
    history = fit(config, assembly, objective, folder)
    write_results(config, assembly, objective, comparison, history, folder)
    folder.update(seconds=round(time.monotonic() - started, 3))


def _quiet() -> None:
    """Keep advice that a run cannot act on out of the terminal; errors and our own lines stay."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "transformers", "bm25s"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning.*")
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*before.*optimizer.step.*")
