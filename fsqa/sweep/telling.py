"""What a sweep says: a line per finished run, and at its end how the runs ended."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fsqa.sweep.outcome import Outcome

ORDER = ("done", "already done", "failed", "killed", "pruned", "interrupted", "elsewhere", "not started")


def tell(path: Path, took: str) -> None:
    """Print the line of a finished run: its folder, its scores and what it took."""
    test = json.loads((path / "metrics.json").read_text(encoding="utf-8"))["test"]
    titles = {"exact_match": "exact match", "f1": "F1"}
    answered = [f"{title} {100 * test[name]:.1f}" for name, title in titles.items() if name in test]
    titles = {"answer_nll": "answer NLL"} if answered else {"answer_nll": "NLL", "perplexity": "perplexity"}
    predicted = [f"{title} {test[name]:.3f}" for name, title in titles.items() if name in test]
    print(f"{path}  {', '.join([*answered, *predicted])}  ({took})", flush=True)


def tell_end(outcomes: Sequence[Outcome]) -> int:
    """List on standard error which runs have no result and why, and return the exit code.

    It is 0 where nothing failed, 2 where the user can mend every failure, and 1 otherwise.
    """
    open_ended = [outcome for outcome in outcomes if not outcome.is_done]
    if open_ended:
        counts = Counter(outcome.state for outcome in outcomes)
        told = ", ".join(f"{counts[state]} {state}" for state in ORDER if counts[state])
        more = any(outcome.state != "pruned" for outcome in open_ended)  # those were stopped for good
        goes_on = "; the same command goes on with those not done" if more else ""
        print(f"fsqa: {len(outcomes)} runs: {told}{goes_on}", file=sys.stderr)
    for outcome in open_ended:
        if outcome.state != "not started":
            print(f"  {outcome.name or 'defaults'}: {outcome.state}: {outcome.reason}", file=sys.stderr)
    failed = [outcome for outcome in outcomes if outcome.has_failed]
    if not failed:
        return 0
    return 2 if all(outcome.is_mistake for outcome in failed) else 1
