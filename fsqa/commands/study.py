"""``fsqa study``: what every run of a study is at, live while it runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fsqa.commands.arguments import Arguments, parse

if TYPE_CHECKING:
    from fsqa.study.live import RunState, StudyState
    from fsqa.study.watch import StudyWatch

PAUSE = 1.0
"""Seconds between two looks."""

WIDE = 100
"""Characters from which on there is room for bars and hosts; the width into a file or a pipe."""

MOST_DONE, MOST_LEFT, MOST_FAILED = 12, 6, 12
"""Runs that are named; the others are counted."""

STYLES = {"done": "green", "running": "cyan", "failed": "red", "killed": "red", "interrupted": "yellow"}

SCORES = {"exact_match": "EM %", "f1": "F1 %"}
SCORES_OF_TEXT = {"answer_nll": "NLL"}


def run(words: list[str]) -> int:
    """Show the studies until nothing runs in them any more; once, where nobody can watch."""
    parser = Arguments(
        "fsqa study",
        "Show what every run of a study is at: done, running and how far, failed and why, left and for how long.",
    )
    parser.add_argument("study", nargs="+", type=Path, help="a study folder, such as outputs/default")
    parser.add_argument("--once", action="store_true", help="print it once, even on a terminal")
    options = parse(parser, words)

    from fsqa.study.watch import StudyWatch

    watches = [StudyWatch(folder) for folder in dict.fromkeys(options.study)]
    console = _console()
    states = [watch.look() for watch in watches]
    if options.once or not console.is_terminal or all(state.is_over for state in states):
        console.print(screen(states, console.width))
        return 0
    watch_live(watches, console)
    return 0


def watch_live(watches: Sequence[StudyWatch], console: Console, pause: float = PAUSE) -> None:
    """Show the studies until nothing runs in them any more, or Ctrl-C; the last look stays on the terminal."""

    def look() -> list[StudyState]:
        return [watch.look() for watch in watches]

    states = look()
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        try:
            while not all(state.is_over for state in states):
                live.update(screen(states, console.width), refresh=True)
                time.sleep(pause)
                states = look()
        except KeyboardInterrupt:
            pass
        live.update(screen(states, console.width), refresh=True)


def screen(states: Sequence[StudyState], width: int) -> RenderableType:
    """Return the studies one below the other, fit for a terminal of so many characters."""
    return Group(*(line for state in states for part in _parts(state, width) for line in (part, Text())))


def _console() -> Console:
    """Print as wide as the terminal is; into a file or a pipe, wide enough for everything."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else WIDE, highlight=False)


def _parts(state: StudyState, width: int) -> list[RenderableType]:
    ended = state.of("failed", "killed", "interrupted", "pruned")
    parts: list[RenderableType] = [Group(_headline(state), _progress(state, width))]
    if state.of("running"):
        parts.append(_running(state, width))
    if ended:
        parts.append(_ended(ended))
    if state.of("done"):
        parts.append(_done(state))
    if left := state.of("left"):
        parts.append(_left(left))
    if advice := _advice(state):
        parts.append(Text(advice, style="yellow"))
    return parts


def _headline(state: StudyState) -> Text:
    from fsqa.study.live import STATES

    line = Text(state.name, style="bold")
    line.append(f"  {len(state.runs)} {'run' if len(state.runs) == 1 else 'runs'}: ", style="not bold")
    counts = [(name, len(state.of(name))) for name in STATES]
    told = [Text(f"{count} {name}", style=f"not bold {STYLES.get(name, '')}") for name, count in counts if count]
    return line + Text(", ").join(told)


def _progress(state: StudyState, width: int) -> RenderableType:
    told = [f"{100 * state.share:.0f} %"]
    if not state.is_over:
        told.append(f"{duration(state.elapsed)} so far")
        remaining = state.remaining
        told.append("time left not known yet" if remaining is None else f"about {duration(remaining)} left")
        if state.at_once:
            told.append(f"{state.at_once} at once")
    line = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=state.share, width=max(10, min(40, width // 4)))
    line.add_row(bar, Text(", ".join(told)))
    return line


def _running(state: StudyState, width: int) -> Table:
    runs = state.of("running")
    is_wide, scores = width >= WIDE, _scores(state, runs)
    table = _table("running")
    if is_wide:
        table.add_column("", no_wrap=True)
    table.add_column("step", justify="right", no_wrap=True)
    for title in scores.values():
        table.add_column(f"val {title}", justify="right", no_wrap=True)
    table.add_column("for", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("on", overflow="ellipsis", no_wrap=True, max_width=24)
    for run in runs:
        bar = [ProgressBar(total=1.0, completed=run.share, width=20)] if is_wide else []
        label = Text(_short(run.label))
        if run.unseen is not None:
            label.append(f"\nnot seen for {duration(run.unseen)}, on {run.host}", style="yellow")
        host = [run.host] if is_wide else []
        figures = [_figure(run, name) for name in scores]
        table.add_row(label, *bar, _step(run), *figures, duration(run.seconds or 0.0), *host)
    return table


def _step(run: RunState) -> str:
    if not run.total_steps:
        return "preparing"
    if run.share == 1.0:
        return "scoring"
    return f"{run.step or 0:,}/{run.total_steps:,}"


def _ended(runs: Sequence[RunState]) -> Table:
    """List what did not get to its end, the worst first, with the reason below each other's."""
    table = _table("not done")
    table.add_column("", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=2)
    order = ("failed", "killed", "interrupted", "pruned")
    told = sorted(runs, key=lambda run: order.index(run.state))
    for run in told[:MOST_FAILED]:
        table.add_row(_short(run.label), Text(run.state, style=STYLES.get(run.state, "dim")), Text(run.reason))
    if more := len(told) - MOST_FAILED:
        _count_more(table, more)
    return table


def _done(state: StudyState) -> Table:
    """List the runs that were done last."""
    runs = state.of("done")
    scores = _scores(state, runs)
    table = _table("done")
    for title in scores.values():
        table.add_column(f"test {title}", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    if more := len(runs) - MOST_DONE:
        _count_more(table, more)
    for run in runs[-MOST_DONE:]:
        table.add_row(_short(run.label), *(_figure(run, name) for name in scores), duration(run.seconds or 0.0))
    return table


def _left(runs: Sequence[RunState]) -> Table:
    names = [_short(run.label) for run in runs[:MOST_LEFT]]
    more = [f"and {len(runs) - MOST_LEFT} more"] if len(runs) > MOST_LEFT else []
    line = Table.grid(padding=(0, 2))
    line.add_row(Text("left", style="bold"), Text("; ".join([*names, *more])))
    return line


def _advice(state: StudyState) -> str:
    """Say what to do when nothing runs and something is not done."""
    rest = len(state.runs) - len(state.of("done", "pruned"))
    if not state.is_over or not rest:
        return ""
    return f"nothing is running; the command that started the study goes on with the {rest} that are not done"


def _table(title: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(title, overflow="fold", ratio=1, min_width=18)
    return table


def _short(label: str) -> str:
    """Leave out the group of a setting, ``lr=0.001``: what a terminal has no room for."""
    parts = (word.partition("=") for word in label.split())
    return " ".join(f"{key.rpartition('.')[2]}{equals}{value}" if equals else key for key, equals, value in parts)


def _count_more(table: Table, more: int) -> None:
    if more > 0:
        table.add_row(Text(f"and {more} more", style="dim"))


def _scores(state: StudyState, runs: Sequence[RunState]) -> dict[str, str]:
    """Return the figures worth a column: those of answers, or of text where nothing is asked."""
    known = {name for run in runs for name in run.figures}
    asked = {name for run in state.runs for name in run.figures} & set(SCORES)
    return {name: title for name, title in (SCORES if asked else SCORES_OF_TEXT).items() if name in known}


def _figure(run: RunState, name: str) -> str:
    if name not in run.figures:
        return ""
    return f"{100 * run.figures[name]:.1f}" if name in SCORES else f"{run.figures[name]:.3f}"


def duration(seconds: float) -> str:
    """Return a span of time as people say it, by its two largest units: ``45 s``, ``3 min 10 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {name}" if rest else "")
    raise AssertionError("a minute or more fits one of them")
