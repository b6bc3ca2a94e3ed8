"""What a search has found: a file with all its trials, and the best one with the command that tries it anew."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsqa.config.compose import parse
from fsqa.files import write_json
from fsqa.sweep.search import Search
from fsqa.sweep.space import SEED, Params, Space

if TYPE_CHECKING:
    import optuna

FILE = "optuna.json"
NEW_SEEDS = 5
STATES = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "left", "WAITING": "left"}
"""What Optuna's states are called here."""


def write_trials(study: Path, search: Search, space: Space, metrics: Mapping[str, str]) -> None:
    """Write all trials and the numbers of the best ones to the study's folder."""
    content = {
        "metrics": dict(metrics),
        "seeds": list(space.seeds),
        "best": [trial.number for trial in search.best],
        "trials": [_trial(trial, space, metrics) for trial in search.trials()],
    }
    write_json(study / FILE, content)


def _trial(trial: optuna.trial.FrozenTrial, space: Space, metrics: Mapping[str, str]) -> dict[str, Any]:
    is_done = trial.state.name == "COMPLETE"
    return {
        "number": trial.number,
        "state": STATES[trial.state.name],
        "reason": trial.user_attrs.get("reason", ""),
        "params": {key: space.dimensions[key].word(value) for key, value in trial.params.items()},
        "values": dict(zip(metrics, trial.values, strict=True)) if is_done else {},
        "runs": trial.user_attrs.get("runs", []),
    }


def told(study: str, search: Search, space: Space, metrics: Mapping[str, str]) -> list[str]:
    """Say in a line or two per best trial what it is, and what to type to see it with seeds of its own."""
    trials = search.trials()
    counts = Counter(STATES[trial.state.name] for trial in trials)
    lines = [f"{len(trials)} trials: {', '.join(f'{count} {state}' for state, count in counts.items())}"]
    best = search.best
    if not best:
        return [*lines, "no trial came to its end, so there is no best one"]
    title = "best" if len(metrics) == 1 else "beaten by no other"
    for trial in best:
        values = ", ".join(f"{metric} {value:.4g}" for metric, value in zip(metrics, trial.values, strict=True))
        lines.append(f"{title}: trial {trial.number}, {values}  {shlex.join(space.changed(trial.params))}")
    if len(best) == 1:
        lines.append(
            "  it was chosen for these very seeds; what it is worth under new ones:\n  "
            + command(study, space, best[0].params)
        )
    return lines


def command(study: str, space: Space, params: Params) -> str:
    """Return the command that runs a trial with seeds it was not chosen by, as a study of its own."""
    parsed = parse(space.fixed)
    kept = [str(word.input_line) for word in parsed if word.key_or_group not in (SEED, "study")]
    used = [int(str(word.value())) for word in parsed if word.key_or_group == SEED]
    first = max([*space.seeds, *used, 0]) + 1
    seeds = ",".join(str(first + i) for i in range(NEW_SEEDS))
    words = [*kept, *space.changed(params), f"{SEED}={seeds}", f"study={study}_best"]
    return f"fsqa train -m {shlex.join(words)}"
