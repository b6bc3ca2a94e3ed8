"""Who watches a run: the loggers of its config, told what it is, what it came to, and how it ended."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsqa.config.assemble import Assembly
from fsqa.config.devices import rank
from fsqa.config.instantiate import build
from fsqa.config.signature import signature
from fsqa.errors import Pruned, Stopped
from fsqa.logger.base import Ending, Results, RunFacts
from fsqa.logger.loggers import Loggers
from fsqa.logger.tables import before_and_after
from fsqa.metrics.scoring import Row
from fsqa.model.parameters import count_parameters, sum_of
from fsqa.objective.module import ObjectiveModule
from fsqa.study.folder import RunFolder

NAMED = ("dataset", "model", "tuning", "loss")
"""Groups whose choices name a run, as they name its folder."""

SETTINGS = {"tuning.rank": "rank", "loss.smoothing": "smoothing", "optimizer.lr": "lr"}
"""Further keys that name a run where its config has them, and what they are called."""

NOT_TOLD = ("logger", "outputs")
"""Keys of the config that say where a run goes and who watches."""

METRICS = {"test": "test", "val": "validation", "cost": "cost"}
"""Parts of ``metrics.json`` with figures, and what a logger calls them: ``val`` is what the history has."""


@contextmanager
def watched(
    config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, folder: RunFolder
) -> Iterator[Loggers]:
    """Build the loggers, tell them the results once they are written, and close them however the run ends."""
    loggers = assemble_loggers(config, assembly, objective, folder)
    del objective  # it is to be gone when its training is over
    try:
        yield loggers
        if loggers.working:
            loggers.log_results(results(folder.path))
    except BaseException as error:
        loggers.close(_ending(error))
        raise
    loggers.close(Ending("done", 0))


def assemble_loggers(
    config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, folder: RunFolder
) -> Loggers:
    """Build the loggers of the config; of several processes only the first has any."""
    nodes = {} if rank(config["trainer"]) else dict(config["logger"] or {})
    known: dict[str, Any] = {"save_dir": str(folder.path)}
    if nodes:
        known["run"] = facts(assembly, objective, folder)
    loggers = [build(node, **_asked_for(node, known)) for node in nodes.values() if node is not None]
    return Loggers(loggers, tell=lambda line: print(f"fsqa: note: {line}", file=sys.stderr))


def _asked_for(node: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a logger's class takes of what only a run knows, and its config does not say."""
    taken = signature(node["_target_"])
    names = known if taken is None else taken.parameters
    return {name: value for name, value in known.items() if name in names and name not in node}


def facts(assembly: Assembly, objective: ObjectiveModule, folder: RunFolder) -> RunFacts:
    """Return what a logger is told of a run before its training starts."""
    status, config = folder.status, folder.config
    choices = {group: choice for group, choice in folder.choices.items() if not group.startswith("hydra/")}
    chosen = [str(choices.get(group, "custom")) for group in NAMED]
    parts = [*(["rehearsal"] if config["rehearse"] else []), *chosen]
    parts += [f"{word}={value:g}" for key, word in SETTINGS.items() if (value := _number(config, key)) is not None]
    parameters = sum_of(count_parameters(objective.model))
    tokens: Mapping[str, int] = assembly.examples["train"].summary["tokens"]
    known = {
        "name": folder.path.name,
        "cell_hash": folder.cell_hash,
        "config_hash": folder.config_hash,
        "parameters": parameters.total,
        "trainable_parameters": parameters.trainable,
        "token_share": {role: count / max(1, sum(tokens.values())) for role, count in tokens.items()},
        **{name: status.get(name) for name in ("data_sha256", "code_version", "packages", "host", "started")},
    }
    return RunFacts(
        folder=folder.path,
        study=config["study"],
        name=" ".join([*parts, f"seed={config['seed']}"]),
        cell=" ".join([*parts, f"#{folder.cell_hash[:8]}"]),
        key=_key(folder),
        tags=tuple(dict.fromkeys([*(["rehearsal"] if config["rehearse"] else []), *chosen])),
        config={name: value for name, value in config.items() if name not in NOT_TOLD}
        | {"choices": choices, "run": known},
    )


def _number(config: Mapping[str, Any], key: str) -> float | None:
    group, _, name = key.partition(".")
    value = config[group].get(name)
    return value if isinstance(value, int | float) else None


def results(run: Path) -> Results:
    """Return what a finished run's files say: every figure, and the answers before and after training."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    parts = {told: metrics[name] for name, told in METRICS.items()}
    parts |= {f"baseline/{name}": figures for name, figures in metrics["baseline"].items()}
    parts |= {f"masks/{name}": figures for name, figures in metrics["masks"].items()}
    figures = {
        f"{part}/{name}": value
        for part, values in parts.items()
        for name, value in values.items()
        if isinstance(value, int | float)
    }
    tuned, untouched = _rows(run / "predictions.jsonl"), _rows(run / "baseline" / "untouched.jsonl")
    compared = before_and_after(untouched, tuned)
    return Results(figures=figures, tables={"test/answers": compared} if compared.rows else {}, model=run / "model")


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _ending(error: BaseException) -> Ending:
    if isinstance(error, Pruned):
        return Ending("pruned", 0)
    if isinstance(error, KeyboardInterrupt | Stopped):
        return Ending("interrupted", error.code if isinstance(error, Stopped) and isinstance(error.code, int) else 130)
    return Ending("failed", 1)


def _key(folder: RunFolder) -> str:
    """Return a name that this folder keeps, and that another one with the same config does not have."""
    begun = hashlib.sha256(f"{folder.path.name} {folder.status.get('started')}".encode())
    return f"{folder.config_hash[:8]}{begun.hexdigest()[:8]}"
