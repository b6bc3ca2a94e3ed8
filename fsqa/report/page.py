"""One self-contained HTML page of a study: it loads nothing, and all text in it is escaped."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fsqa.metrics.catalogue import COSTS, METRICS, Metric
from fsqa.report.charts import bar_chart, line_charts
from fsqa.report.curves import Curve
from fsqa.report.numbers import MISSING, format_difference, format_estimate, format_value
from fsqa.report.palette import DARK, LIGHT, cell_colours
from fsqa.report.samples import read_samples
from fsqa.report.summary import MAIN, Row, Summary
from fsqa.report.variants import EXPLANATION, HEADER, TITLE, VariantRow
from fsqa.study.cells import Cell

_CHARTS = ("exact_match", "f1", "answer_nll")
_ROLES = ("prompt", "context", "answer", "end")
_TABLE_COSTS = ("seconds",)


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of a table: what it shows and what it is sorted by."""

    text: str
    order: float | None
    best: bool
    detail: str
    """What a pointer resting on it tells."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table."""

    label: str
    colour: int | None
    mark: str
    seeds: str
    figures: tuple[Figure, ...]
    difference: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a cell's loss was made of, and what was lost on the way."""

    label: str
    shares: tuple[tuple[str, float, str], ...]
    """Role, per cent, and the per cent as text."""
    truncated: str
    dropped: str
    stop: str | None
    """Share of answers that ended by themselves; ``None`` for a model of plain text, which gives none."""
    stops_rarely: bool


def render_page(summary: Summary, sentence: str, curves: Sequence[Curve], variants: Sequence[VariantRow] = ()) -> str:
    """Return the page as HTML; the same summary gives the same text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["breakable"] = _breakable
    charts = [bar_chart(summary, name) for name in _CHARTS]
    # the number of examples stands at the top, and in a note where cells differ in it
    shown = [name for name in summary.metrics if name != "examples"]
    names = [*shown, *(name for name in _TABLE_COSTS if name in summary.costs)]
    return environment.get_template("page.html.j2").render(
        summary=summary,
        finding=sentence,
        tiles=_tiles(summary),
        charts=[chart for chart in charts if chart],
        metrics=[(METRICS | COSTS)[name] for name in names],
        lines=[_line(summary, row, names) for row in summary.rows],
        baselines=[_line(summary, each.row, names, baseline=True) for each in summary.baselines],
        curves=line_charts(summary, curves),
        leading=summary.leading,
        health=[_health(summary, cell) for cell in summary.cells if cell.runs],
        roles=_ROLES,
        samples=read_samples([cell for cell in summary.cells if cell.label in summary.leading]),
        variants=variants,
        variants_title=TITLE,
        variants_explanation=EXPLANATION,
        variants_header=HEADER,
        costs=[COSTS[name] for name in summary.costs],
        cost_lines=[_line(summary, row, summary.costs) for row in summary.rows],
        settings=list(dict.fromkeys(key for cell in summary.cells for key in cell.settings)),
        provenance=_provenance(summary),
        protocols=[METRICS[name] for name in summary.metrics],
        light=LIGHT,
        dark=DARK,
    )


def _breakable(text: str) -> Markup:
    """Let a long name break after its punctuation instead of within a word."""
    # a number stays whole: the point of 0.001 and the sign of 1e-05 are followed by a digit
    return Markup("<wbr>").join(escape(piece) for piece in re.split(r"(?<=[=_/])|(?<=[.-])(?=\D)", text))


def _tiles(summary: Summary) -> list[tuple[str, str]]:
    done = [run for cell in summary.cells for run in cell.runs]
    tiles = [
        (str(len(summary.cells)), "cell" if len(summary.cells) == 1 else "cells"),
        (f"{len(done)} of {len(summary.runs)}", "runs done"),
    ]
    seeds = sorted({len(cell.runs) for cell in summary.cells})
    tiles.append(("–".join(str(count) for count in dict.fromkeys((seeds[0], seeds[-1]))), "seeds per cell"))
    counts = sorted({int(row.estimates["examples"].mean) for row in summary.rows if "examples" in row.estimates})
    if counts:
        told = "–".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
        tiles.append((told, f"{summary.split} {'questions' if summary.main == MAIN else 'documents'}"))
    seconds = sum(run.measures.cost.get("seconds", 0.0) for run in done)
    if seconds:
        tiles.append((_duration(seconds), "of training"))
    return tiles


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _line(summary: Summary, row: Row, names: Sequence[str], *, baseline: bool = False) -> Line:
    return Line(
        label=row.label,
        colour=None if baseline else cell_colours(summary.cells)[row.label],
        mark=row.mark,
        seeds="" if baseline else str(row.seeds),
        figures=tuple(_figure(summary, row, (METRICS | COSTS)[name], baseline) for name in names),
        difference="" if baseline else _difference(summary, row.label),
    )


def _difference(summary: Summary, label: str) -> str:
    return "reference" if label == summary.against else format_difference(summary.comparisons.get(label))


def _figure(summary: Summary, row: Row, metric: Metric, baseline: bool) -> Figure:
    estimate = row.estimates.get(metric.name)
    if estimate is None:
        return Figure(MISSING, None, False, "not measured")
    each = ", ".join(format_value(metric, value) for value in estimate.values)
    return Figure(
        text=format_estimate(metric, estimate),
        order=estimate.mean,
        best=not baseline and row.label in summary.best[metric.name],
        detail=f"per seed: {each}" if estimate.count > 1 else "",
    )


def _health(summary: Summary, cell: Cell) -> Health:
    measures = [run.measures for run in cell.runs]
    shares = [
        (role, 100 * _mean([each.role_share.get(role, 0.0) for each in measures if each.role_share])) for role in _ROLES
    ]
    stop = next(row.estimates.get("stop_rate") for row in summary.rows if row.label == cell.label)
    dropped = {
        f"{split}, {reason}": count
        for each in measures
        for split, own in each.dropped.items()
        for reason, count in own.items()
    }
    return Health(
        label=cell.label,
        shares=tuple((role, round(share, 3), f"{share:.0f}") for role, share in shares if share > 0),
        truncated=_counts({split: count for each in measures for split, count in each.truncated.items()}),
        dropped=_counts(dropped),
        stop=format_estimate(METRICS["stop_rate"], stop) if stop or summary.main == MAIN else None,
        stops_rarely=stop is not None and stop.mean < 0.5,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _counts(counts: Mapping[str, float]) -> str:
    return "; ".join(f"{name}: {int(count):,}" for name, count in counts.items() if count) or "none"


def _provenance(summary: Summary) -> list[tuple[str, str]]:
    done = [run for cell in summary.cells for run in cell.runs]
    packages = sorted({f"{name} {version}" for run in done for name, version in run.packages.items()})
    return [
        ("Data, SHA-256", ", ".join(sorted({run.data_sha256 for run in done if run.data_sha256})) or "not written"),
        ("Code", ", ".join(sorted({run.code_version for run in done if run.code_version})) or "not written"),
        ("Packages", ", ".join(packages) or "not written"),
    ]
