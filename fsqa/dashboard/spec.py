"""What the page of a study shows, as plain values: sections of panels over what its runs logged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from fsqa.metrics.catalogue import BASELINES, METRICS
from fsqa.report.headlines import headlines

CURVES = ("val/answer_nll", "val/f1", "val/exact_match", "train/loss", "train/target_nll")
AXES = {"step": "optimizer steps", "loss_tokens": "tokens in the loss"}
ROLES = ("prompt", "context", "answer", "end")
GENERATION = ("stop_rate", "answer_length", "repetition_rate", "echo_rate")
COSTS = ("seconds", "tokens_per_second", "peak_memory_mb", "trainable_parameters", "checkpoint_mb")


@dataclass(frozen=True)
class Text:
    """Words, in Markdown."""

    markdown: str


@dataclass(frozen=True)
class Bars:
    """A bar for every cell and metric: the mean over seeds."""

    title: str
    metrics: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Curves:
    """A line for every cell: the mean over seeds, with their standard error."""

    title: str
    metrics: tuple[str, ...]
    axis: str
    axis_title: str


@dataclass(frozen=True)
class Scatter:
    """A point for every run."""

    title: str
    x: str
    y: str
    log_x: bool


@dataclass(frozen=True)
class Column:
    """A setting or a result of every run."""

    kind: Literal["setting", "result"]
    name: str
    title: str


@dataclass(frozen=True)
class Parallel:
    """A line for every run, through its settings to its results."""

    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Importance:
    """Which settings a result depends on."""

    metric: str


@dataclass(frozen=True)
class AnswerTable:
    """A table that every run logged."""

    name: str


@dataclass(frozen=True)
class Differences:
    """The settings in which runs differ, side by side."""


Panel = Text | Bars | Curves | Scatter | Parallel | Importance | AnswerTable | Differences


@dataclass(frozen=True)
class Section:
    """Panels under a heading."""

    name: str
    panels: tuple[Panel, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Dashboard:
    """The page of a study."""

    project: str
    name: str
    sections: tuple[Section, ...]
    columns: tuple[Column, ...]
    """Settings and results that the list of runs shows first."""


def ablation(study: str, *, settings: Sequence[str], measured: Collection[str]) -> Dashboard:
    """Return the page that compares the cells of a study.

    ``settings`` are the config keys in which its cells differ, as W&B has them (``choices.loss``, ``optimizer.lr``),
    ``measured`` the results its runs have, such as ``test/f1`` and ``baseline/untouched/f1``.
    """
    shown = headlines({name.removeprefix("test/") for name in measured if name.startswith("test/")})
    sections = [
        Section("1 Overview", (_note(study), *(_headline(name, measured) for name in shown)), is_open=True),
        Section("2 Curves", tuple(_curve(name, axis) for name in CURVES for axis in AXES), is_open=True),
        Section("3 What the loss was made of", _mask_health()),
        Section("4 Generation", tuple(_bars(name) for name in GENERATION if f"test/{name}" in measured)),
        Section("5 Answers", (AnswerTable("test/answers"), AnswerTable("val/answers"))),
        Section("6 Cost", tuple(_cost(name, shown[0]) for name in COSTS) if shown else ()),
        Section("7 Factors", _factors(settings, shown)),
        Section("8 Where it comes from", (Differences(),)),
    ]
    kept = tuple(section for section in sections if section.panels)
    return Dashboard(project=study, name=f"{study}: ablation", sections=kept, columns=_columns(settings, shown))


def _columns(settings: Sequence[str], shown: Sequence[str]) -> tuple[Column, ...]:
    return (
        *(Column("setting", name, name.removeprefix("choices.")) for name in settings),
        *(Column("result", f"test/{name}", METRICS[name].title) for name in shown),
    )


def _note(study: str) -> Text:
    return Text(
        f"### {study}\n\nA group is a cell: runs that differ by their seed alone. Bars and lines are means over seeds "
        "with their standard error, which is all that this page can show. Intervals, paired tests against a baseline "
        f"cell and Holm's correction are in the page that `fsqa report outputs/{study}` writes."
    )


def _headline(metric: str, measured: Collection[str]) -> Bars:
    known = {f"baseline/{name}/{metric}": title for name, title in BASELINES.items()}
    shown = {f"test/{metric}": "trained"} | {name: title for name, title in known.items() if name in measured}
    return Bars(METRICS[metric].title, tuple(shown), tuple(shown.values()))


def _bars(metric: str) -> Bars:
    return Bars(METRICS[metric].title, (f"test/{metric}",), ("trained",))


def _curve(metric: str, axis: str) -> Curves:
    return Curves(f"{metric} over {AXES[axis]}", (metric,), axis, AXES[axis])


def _mask_health() -> tuple[Panel, ...]:
    shares = tuple(f"masks/share/{role}" for role in ROLES)
    return (
        Bars("Share of the loss, by role", shares, ROLES),
        Bars("Tokens of the training split, by role", tuple(f"masks/tokens/{role}" for role in ROLES), ROLES),
        Bars("Rows cut, by split", *_by_split("truncated")),
        Bars("Answers cut, by split", *_by_split("cut_answers")),
        *(_curve(f"train/loss_{role}", "step") for role in ROLES),
        _curve("train/lr", "step"),
        _curve("train/grad_norm", "step"),
    )


def _by_split(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    splits = ("train", "validation", "test")
    return tuple(f"masks/{name}/{split}" for split in splits), splits


def _cost(cost: str, metric: str) -> Scatter:
    title = f"{METRICS[metric].title} against {cost.replace('_', ' ')}"
    return Scatter(title, f"cost/{cost}", f"test/{metric}", log_x=True)


def _factors(settings: Sequence[str], shown: Sequence[str]) -> tuple[Panel, ...]:
    """Return panels on what the result depends on; empty where cells differ in nothing, or nothing was measured."""
    if not settings or not shown:
        return ()
    return Parallel("Settings and results", _columns(settings, shown)), *(Importance(f"test/{name}") for name in shown)
