"""The page itself: it loads nothing, and all text in it is escaped."""

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fsqa.metrics.catalogue import METRICS
from fsqa.report.charts import MOST_BARS, line_charts
from fsqa.report.curves import Curve
from fsqa.report.differences import correction
from fsqa.report.labels import metric_name, short_label
from fsqa.report.numbers import INTERVAL
from fsqa.report.page.cost import scatters
from fsqa.report.page.headline import score_charts, tiles
from fsqa.report.page.health import ROLES, health
from fsqa.report.page.provenance import provenance
from fsqa.report.page.reliability import reliability_charts
from fsqa.report.page.sweep import sweep
from fsqa.report.page.tables import cost_table, results_table
from fsqa.report.palette import DARK, LIGHT
from fsqa.report.protocols import protocols
from fsqa.report.reliability import CellReliability
from fsqa.report.samples import read_samples
from fsqa.report.small_tables import small_tables
from fsqa.report.summary import Summary
from fsqa.report.variants import VariantRow

MOST_NOTES = 6
"""Notes that stand open at the top; further ones are folded away below them."""
_EXPONENT = re.compile(r"\b\d[\d.]*e-\d+")
"""A browser breaks such a number after its sign."""


def render_page(
    summary: Summary,
    sentence: str,
    curves: Sequence[Curve],
    variants: Sequence[VariantRow] = (),
    reliability: Sequence[CellReliability] = (),
) -> str:
    """Return the page as HTML; the same summary gives the same text."""
    leading = summary.leading
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            summary=summary,
            finding=sentence,
            tiles=tiles(summary),
            notes=summary.notes[:MOST_NOTES],
            more_notes=summary.notes[MOST_NOTES:],
            charts=score_charts(summary),
            most_bars=MOST_BARS,
            results=results_table(summary),
            curves=line_charts(summary, curves),
            leading=leading,
            health=health(summary),
            roles=ROLES,
            samples=read_samples([cell for cell in summary.cells if cell.label in leading]),
            small_tables=small_tables(summary, variants),
            reliability=reliability_charts(summary, reliability),
            scatters=scatters(summary),
            costs=cost_table(summary),
            sweep=sweep(summary),
            provenance=provenance(summary),
            main=METRICS[summary.main],
            main_name=metric_name(METRICS[summary.main]),
            interval=f"{INTERVAL[0].upper()}{INTERVAL[1:]}",
            correction=correction(len(summary.comparisons)),
            protocols=protocols(summary.metrics, summary.cells),
            palette=tuple(zip(LIGHT, DARK, strict=True)),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["short"] = short_label
    environment.filters["key"] = _key
    return environment


def _breakable(text: str) -> Markup:
    """Let a long name break after its punctuation instead of within a word."""
    # a number stays whole: the point of 0.001 and the sign of 1e-05 are followed by a digit
    pieces = (str(escape(piece)) for piece in re.split(r"(?<=[_/])|(?<=[.-])(?=\D)", text))
    return Markup("<wbr>".join(_EXPONENT.sub(r'<span class="whole">\g<0></span>', piece) for piece in pieces))


def _key(name: str) -> str:
    """Leave out the group of a setting, as a short label does."""
    return name.rpartition(".")[2]
