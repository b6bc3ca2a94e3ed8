"""Run folders, read into values: what a run was, how it ended, and what it measured."""

import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsqa.errors import InputError, did_you_mean
from fsqa.study.folder import is_locked
from fsqa.study.run_files import read_config, read_json, read_lines

Numbers = Mapping[str, float]

_NO_NUMBERS: Numbers = {}


@dataclass(frozen=True, slots=True)
class Measures:
    """What ``metrics.json`` holds; whatever the run did not write is empty."""

    validation: Numbers
    test: Numbers
    baselines: Mapping[str, Numbers]
    """Figures of the test split per do-nothing baseline."""
    variants: Mapping[str, Numbers]
    """Figures of the test split per other setting of the post-processing."""
    train: Numbers
    """Figures of so many training questions; empty unless the run was asked to answer some."""
    kinds: Mapping[str, Numbers]
    """Figures of the test split per kind of question; empty where there is one kind, or very many."""
    signatures: Mapping[str, str]
    """Per figure its exact protocol, in the words of the package that computed it."""
    cost: Numbers
    role_share: Numbers
    """Share of the loss per role, adding up to 1."""
    truncated: Numbers
    """Truncated examples per split."""
    dropped: Mapping[str, Numbers]
    """Dropped records per split and reason."""
    overlap: Numbers
    """Records that two splits share, per pair of splits."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run folder."""

    folder: Path
    name: str
    study: str
    state: str
    """``running``, ``done``, ``failed``, ``interrupted``, ``pruned``; ``killed``: it says that it is running, but no
    process holds it; ``broken``: a file cannot be read."""
    reason: str
    """One line that says why the run is not done; empty when it is."""
    seed: int
    started: str
    config_hash: str
    cell_hash: str
    """What its runs with other seeds share; empty where it cannot be read."""
    data_sha256: str
    code_version: str
    host: str
    packages: Mapping[str, str]
    choices: Mapping[str, str]
    config: Mapping[str, Any]
    measures: Measures
    outside: bool = False
    """Whether it is no run at all, but a file of answers that was scored: nothing is known of who gave them."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered question of the test split."""

    id: str
    question: str
    references: tuple[str, ...]
    prediction: str
    kind: str
    exact_match: float | None
    """``None`` where the answer was not set against a reference, as a text that is only ranked."""
    stopped: bool | None
    """Whether generation ended by itself; ``None`` where that was not written."""
    refused: bool | None
    """Whether it is the fixed reply to what is off topic; ``None`` where no question is."""


def read_study(folder: Path) -> tuple[Run, ...]:
    """Return the runs of a study folder, by name; folders without ``status.json`` are no runs.

    A run with a broken file is one in the state ``broken``: what went wrong with one does not hide the others. Raises
    ``InputError`` when the folder is missing, is itself a run, or holds no run that can be read.
    """
    if not folder.is_dir():
        siblings = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise InputError(f"no study folder '{folder}'{did_you_mean(folder.name, siblings)}")
    if (folder / "status.json").is_file():
        raise InputError(f"'{folder}' is one run, not a study: give the folder that holds it, '{folder.parent}'")
    paths = sorted(path.parent for path in folder.glob("*/status.json") if not path.parent.name.startswith("."))
    if not paths:
        raise InputError(f"no runs in '{folder}': none of its folders has a status.json; start one with fsqa train")
    runs, broken = [], []
    for path in paths:
        try:
            runs.append(read_run(path))
        except InputError as error:
            broken.append(error)
            runs.append(_broken(path, str(error)))
    if len(broken) == len(runs):
        raise broken[0]
    return tuple(runs)


def read_run(folder: Path) -> Run:
    """Return the run of one folder; raises ``InputError`` when a file of it is broken."""
    path, metrics = folder / "status.json", folder / "metrics.json"
    status = read_json(path)
    killed = False
    if status.get("state") == "running" and not may_be_alive(folder, status):
        # it may have ended between the two looks: a run gives its lock back after it has written how it ended
        status = read_json(path)
        killed = status.get("state") == "running"
    missing = [key for key in ("state", "seed", "cell_hash") if key not in status]
    if missing:
        raise InputError(f"{path}: no key '{missing[0]}': the folder was not written by fsqa, or by another version")
    state = "killed" if killed else str(status["state"])
    return Run(
        folder=folder,
        name=folder.name,
        study=folder.resolve().parent.name,
        state=state,
        reason=_reason(state, status.get("error")),
        seed=int(status["seed"]),
        started=str(status.get("started") or ""),
        config_hash=str(status.get("config_hash", "")),
        cell_hash=str(status["cell_hash"]),
        data_sha256=str(status.get("data_sha256") or ""),
        code_version=str(status.get("code_version") or ""),
        host=str(status.get("host") or ""),
        packages={name: str(version) for name, version in (status.get("packages") or {}).items()},
        choices={group: str(choice) for group, choice in (status.get("choices") or {}).items()},
        config=read_config(folder),
        measures=_measures(read_json(metrics) if metrics.is_file() else {}, status),
        outside=status.get("outside") is True,
    )


def may_be_alive(folder: Path, status: Mapping[str, Any]) -> bool:
    """Whether a run that says it is running may be: here its lock tells, of other machines nothing does for sure."""
    return is_locked(folder) or not is_here(status)


def is_here(status: Mapping[str, Any]) -> bool:
    """Whether a run was last on this machine."""
    return status.get("host") in (None, "", socket.gethostname())


def _broken(folder: Path, reason: str) -> Run:
    return Run(
        folder=folder,
        name=folder.name,
        study=folder.resolve().parent.name,
        state="broken",
        reason=reason,
        seed=0,
        started="",
        config_hash="",
        cell_hash="",
        data_sha256="",
        code_version="",
        host="",
        packages={},
        choices={},
        config={},
        measures=_measures({}, {}),
    )


def read_history(run: Run) -> tuple[Mapping[str, Any], ...]:
    """Return the logged events of a run in their order; empty when it logged none."""
    return tuple(read_lines(run.folder / "history.jsonl"))


def read_predictions(run: Run, baseline: str | None = None) -> tuple[Prediction, ...]:
    """Return the answers of the tuned model, or those of the named baseline; empty when none were written.

    Lines without an answer, as those of a model of plain text, are none.
    """
    path = run.folder / ("predictions.jsonl" if baseline is None else f"baseline/{baseline}.jsonl")
    return tuple(
        Prediction(
            id=str(line.get("id", number)),
            question=str(line.get("question", "")),
            references=tuple(str(reference) for reference in line.get("references") or ()),
            prediction=str(line.get("prediction", "")),
            kind=str(line.get("kind") or ""),
            exact_match=float(line["exact_match"] or 0.0) if "exact_match" in line else None,
            stopped=bool(line["stopped"]) if "stopped" in line else None,
            refused=bool(line["refused"]) if "refused" in line else None,
        )
        for number, line in enumerate(read_lines(path))
        if "prediction" in line
    )


def _reason(state: str, error: Mapping[str, Any] | None) -> str:
    if error:
        lines = str(error.get("message", "")).strip().splitlines()
        kind = (
            "" if state == "pruned" else str(error.get("type", ""))
        )  # that is a decision, and its message says it all
        return ": ".join(part for part in (kind, lines[0] if lines else "") if part)
    return {
        "done": "",
        "running": "not finished yet: its process holds it, or is on another machine",
        "killed": "its process is gone; the same command resumes it",
        "interrupted": "stopped before its end; the same command resumes it",
        "pruned": "stopped early by its sweep, because other settings did better",
    }.get(state, "no reason was written")


def _measures(content: Mapping[str, Any], status: Mapping[str, Any]) -> Measures:
    masks = _mapping(content.get("masks"))
    data = _mapping(content.get("data"))
    cost = dict(_numbers(content.get("cost")))
    if "seconds" not in cost and isinstance(status.get("seconds"), int | float):
        cost["seconds"] = float(status["seconds"])
    return Measures(
        validation=_numbers(content.get("val")),
        test=_numbers(content.get("test")),
        baselines={name: _numbers(values) for name, values in _mapping(content.get("baseline")).items()},
        variants={name: _numbers(values) for name, values in _mapping(content.get("variants")).items()},
        train=_numbers(content.get("train")),
        kinds={kind: _numbers(values) for kind, values in _mapping(content.get("kinds")).items()},
        signatures={name: str(told) for name, told in _mapping(content.get("signatures")).items()},
        cost=cost,
        role_share=_numbers(masks.get("share")),
        truncated=_numbers(masks.get("truncated")),
        dropped={
            split: _numbers(_mapping(values).get("dropped")) for split, values in data.items() if split != "overlap"
        },
        overlap=_numbers(data.get("overlap")),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _numbers(value: object) -> Numbers:
    """Keep what is a number; nulls and text are treated as not measured."""
    return {
        str(key): float(number)
        for key, number in _mapping(value).items()
        if isinstance(number, int | float) and not isinstance(number, bool) and not math.isnan(number)
    } or _NO_NUMBERS
