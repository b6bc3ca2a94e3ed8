"""Looking at a study while it runs: cheap, from its files alone, and without disturbing anybody."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fsqa.study.folder import is_locked
from fsqa.study.live import STATES, RunState, State, StudyState
from fsqa.study.plan import FILE as PLAN
from fsqa.study.plan import FOLDER, OUTCOMES, Planned, read_plan
from fsqa.study.runs import is_here, may_be_alive, read_study
from fsqa.study.sweeping import sweepers

TAIL = 2**16
"""Bytes read from the end of a history: hundreds of lines."""

SPEAK_FOR_THEMSELVES = ("", "InputError", "Pruned", "Killed")
"""Errors whose message says all."""

QUIET = 600.0
"""Seconds without a line after which a run on another machine, whose lock cannot be asked, may be gone."""


class StudyWatch:
    """Looks at a study as often as one likes; files that have not changed are read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[int, dict[str, Any]]] = {}

    def look(self) -> StudyState:
        """Return the study's state; raises InputError where there is no study, in the words of the report."""
        planned = {each.run: each for each in read_plan(self.folder)}
        is_run = (self.folder / "status.json").is_file()
        names = [] if is_run else _run_names(self.folder)
        if not names and not planned:
            names = [run.name for run in read_study(self.folder)]  # it says what is wrong
        now = time.time()
        outcomes = _outcomes(self.folder / FOLDER / OUTCOMES)
        labels = _labels(tuple(planned.values()))
        runs = []
        for name in dict.fromkeys([*planned, *names]):
            run = self._run(name, planned.get(name), labels.get(name, name), outcomes.get(name), now)
            runs.append(run)
        starts = [_changed(self.folder / name / "config.yaml") for name in names]
        begun = _changed(self.folder / FOLDER / PLAN) or min(filter(None, starts), default=now)
        moved = max([begun, *(_changed(self.folder / name / "status.json") for name in names)])
        return StudyState(
            name=self.folder.resolve().name,
            runs=tuple(runs),
            elapsed=max(0.0, now - begun),
            is_swept=_is_swept(self.folder, quiet=now - moved > QUIET),
        )

    def _run(
        self, name: str, planned: Planned | None, label: str, outcome: Mapping[str, Any] | None, now: float
    ) -> RunState:
        folder = self.folder / name
        status = self._json(folder / "status.json")
        state, reason = _state(folder, status)
        if state == "running" and not may_be_alive(folder, status):
            # It may have ended between the two looks: a run gives its lock back after it has written how it ended.
            status = self._json(folder / "status.json")
            state, reason = _state(folder, status)
            if state == "running":
                state, reason = "killed", "its process is gone"
        if state == "left" and outcome and outcome.get("state") in ("failed", "killed"):
            state, reason = "failed", str(outcome.get("reason") or "no reason was written")
        is_waiting = planned is not None and outcome is None and state not in ("done", "pruned", "running")
        kind = _kind(planned) if planned else str(status.get("cell_hash", name))
        run = RunState(name=name, label=label, kind=kind, state=state, reason=reason, is_waiting=is_waiting)
        return self._with_figures(run, folder, status, now) if status else run

    def _with_figures(self, run: RunState, folder: Path, status: Mapping[str, Any], now: float) -> RunState:
        host, total, seconds = str(status.get("host") or ""), status.get("total_steps"), status.get("seconds")
        figures: Mapping[str, float] = {}
        last: Mapping[str, Any] = {}
        unseen = None
        if run.state == "done":
            figures = _numbers(self._json(folder / "metrics.json").get("test"))
        if run.state == "running":
            lines = list(_tail(folder / "history.jsonl"))
            last = lines[-1] if lines else {}
            figures = next((_validation(line) for line in reversed(lines) if _validation(line)), {})
            seconds = max(0.0, now - _changed(folder / "config.yaml"))  # written anew at every start
            silent = now - max(_changed(folder / name) for name in ("history.jsonl", "status.json"))
            unseen = silent if silent > QUIET and not is_here(status) and not is_locked(folder) else None
        return replace(
            run,
            host=host,
            step=last.get("step"),
            total_steps=int(total) if total else None,
            seconds=float(seconds) if seconds else None,
            trained_seconds=float(last.get("seconds") or 0.0),
            unseen=unseen,
            figures=figures,
        )

    def _json(self, path: Path) -> dict[str, Any]:
        """Return a JSON object; an empty one where there is none yet, and what is wrong where it is broken."""
        changed = int(_changed(path) * 1e6)
        if not changed:
            return {}
        if (known := self._read.get(path)) and known[0] == changed:
            return known[1]
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            content = {"state": "failed", "error": {"message": f"{path.name} cannot be read: {error}"}}
        content = content if isinstance(content, dict) else {}
        self._read[path] = changed, content
        return content


def _run_names(study: Path) -> list[str]:
    if not study.is_dir():
        return []
    folders = (path for path in study.iterdir() if not path.name.startswith("."))
    return sorted(path.name for path in folders if (path / "status.json").is_file())


def _is_swept(study: Path, quiet: bool) -> bool:
    """Whether a sweep is there; one on another machine counts for as long as the study is not quiet."""
    return any(not sweeper.is_gone if sweeper.is_here else not quiet for sweeper in sweepers(study).values())


def _state(folder: Path, status: Mapping[str, Any]) -> tuple[State, str]:
    """Return the state that a run wrote, and its reason."""
    if not status:
        return "left", ""
    state: State = next((known for known in STATES if known == status.get("state")), "failed")
    if state in ("done", "running"):
        return state, ""
    if state == "interrupted":
        return state, "stopped before its end"
    error = status.get("error") or {}
    kind = str(error.get("type") or "")
    lines = str(error.get("message") or "no reason was written").strip().splitlines()
    return state, ": ".join([*([] if kind in SPEAK_FOR_THEMSELVES else [kind]), *lines[:1]])


def _labels(planned: Sequence[Planned]) -> dict[str, str]:
    """Return what tells the planned runs apart: their overrides, but for those that all of them have."""
    shared = (
        set(planned[0].overrides).intersection(*(each.overrides for each in planned)) if len(planned) > 1 else set()
    )
    typed = {each.run: " ".join(word for word in each.overrides if word not in shared) for each in planned}
    return {name: label or name for name, label in typed.items()}


def _kind(planned: Planned) -> str:
    return " ".join(word for word in planned.overrides if not word.startswith("seed="))


def _outcomes(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return how jobs of the latest sweep ended, by the names of their runs; the last word about each counts."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {Path(str(line.get("run"))).name: line for line in _whole(lines)}


def _tail(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the last lines of a JSONL file that may be growing, however long it is."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return
    yield from _whole(lines[1:] if size > TAIL else lines)


def _whole(lines: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield what can be read: the last line may be half-written."""
    for line in lines:
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            yield content


def _validation(line: Mapping[str, Any]) -> dict[str, float]:
    return _numbers({name.removeprefix("val/"): value for name, value in line.items() if name.startswith("val/")})


def _numbers(values: object) -> dict[str, float]:
    pairs = values.items() if isinstance(values, Mapping) else ()
    return {str(name): float(value) for name, value in pairs if isinstance(value, int | float)}


def _changed(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
