"""One model under several settings of its decoding: a table of its own, compared on the same questions."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from fsqa.asked import Asked
from fsqa.config.assemble import assemble_scoring
from fsqa.errors import InputError, did_you_mean
from fsqa.files import write_json, write_rows, write_text
from fsqa.finished import Finished, load_model
from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.scoring import Row
from fsqa.progress import counting
from fsqa.report.differences import correction, format_change, format_p, p_of
from fsqa.report.headlines import FURTHER, HEADERS, headlines, main_metric
from fsqa.report.labels import metric_name
from fsqa.report.numbers import MISSING, format_value
from fsqa.study.scores import paired
from fsqa.study.statistics import Difference, holm

LABEL, LAST, GAP = 24, 20, 3
"""Letters of a terminal for the settings, before they are broken into lines, for change and p, and between columns."""


@dataclass(frozen=True)
class Decoding:
    """What a model scores under one combination of settings."""

    settings: Mapping[str, str]
    """The keys that differ between the rows, with their values."""
    metrics: Mapping[str, float]
    rows: Sequence[Row]

    @property
    def label(self) -> str:
        """The settings as they were typed, without the group that all share."""
        return ", ".join(f"{key.removeprefix('generation.')}={value}" for key, value in self.settings.items())


@dataclass(frozen=True)
class Compared:
    """Decodings of one model, each set against the first."""

    each: Sequence[Decoding]
    metric: str
    differences: Mapping[str, Difference]
    """By label; the first has none."""


def scored(finished: Finished, asked: Asked, model: object, tokenizer: object) -> tuple[dict[str, float], list[Row]]:
    """Return the metrics and the scored answers of a run's model, answering as asked."""
    config = asked.config(finished.config)
    objective, evaluator, records, examples = assemble_scoring(config, model, tokenizer, asked.split, finished.cache)
    with counting(f"{asked.split} questions", len(records)) as advance:
        rows = evaluator.evaluate(objective, records, examples, advance)
    return evaluator.scoring.summarize(rows), rows


def evaluate_each(finished: Finished, settings: Sequence[Mapping[str, str]], asked: Sequence[Asked]) -> list[Decoding]:
    """Score a run under every combination of settings; a model is loaded once for each precision."""
    loaded: dict[str, tuple[object, object]] = {}
    found = []
    for own, one in zip(settings, asked, strict=True):
        if one.quantization.kind not in loaded:
            loaded = {one.quantization.kind: load_model(finished, one.quantization)}
        metrics, rows = scored(finished, one, *loaded[one.quantization.kind])
        values = {key: _typed(word.partition("=")[2]) for key, word in own.items() if key}
        found.append(Decoding(values, metrics, rows))
    return found


def _typed(value: str) -> str:
    """Return a value as one types it, which for true and false is not as Python writes it."""
    return value.lower() if value in ("True", "False") else value


def compare(each: Sequence[Decoding], metric: str | None) -> Compared:
    """Compare every decoding with the first, on the examples that both answered, corrected for their number by Holm.

    Raises InputError for a metric that was not measured, or is no mean over examples.
    """
    known = [name for name in each[0].metrics if name in METRICS and METRICS[name].column and METRICS[name].better]
    name = metric or main_metric(each[0].metrics)
    if name not in known:
        raise InputError(
            f"--metric: no '{name}' to compare by; there are {', '.join(known)}{did_you_mean(name, known)}"
        )
    first, *others = each
    found = {one.label: paired(one.rows, first.rows, name) for one in others}
    return Compared(each, name, holm({label: own for label, own in found.items() if own is not None}))


def _names(compared: Compared) -> list[str]:
    """Return the figures to show: the one that is compared, and those of the others that differ between the rows."""
    measured = [{one.metrics.get(name) for one in compared.each} for name in METRICS]
    differ = [name for name, values in zip(METRICS, measured, strict=True) if len(values) > 1]
    shown = [*headlines(compared.each[0].metrics, compared.metric), *FURTHER]
    return [name for name in dict.fromkeys(shown) if name == compared.metric or name in differ]


def table(title: str, compared: Compared, width: int) -> Table:
    """Return the decodings for a terminal of so many letters, the best of each figure in bold."""
    names, metric = _fitting(_names(compared), width), METRICS[compared.metric]
    shown = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    shown.caption = Text(
        f"change: {metric_name(metric)} less that of the first row, paired on the same examples; p by paired "
        f"permutation, {correction(len(compared.differences))}",
        style="dim",
    )
    shown.caption_justify = "left"
    shown.add_column("decoding", overflow="fold", min_width=LABEL)
    for name in names:
        shown.add_column(_header(name), justify="right", no_wrap=True)
    shown.add_column("change", justify="right", no_wrap=True)
    shown.add_column("p", justify="right", no_wrap=True)
    for one in compared.each:
        cells = [_figure(compared, name, one) for name in names]
        shown.add_row(Text(one.label), *cells, *_change(compared, one))
    return shown


def _fitting(names: Sequence[str], width: int) -> list[str]:
    """Return the first names, at least one, for whose columns there is room beside settings, change and p."""
    room, kept = width - LABEL - LAST, list(names[:1])
    for name in names[1:]:
        if sum(len(_header(each)) + GAP for each in [*kept, name]) > room:
            break
        kept.append(name)
    return kept


def _header(name: str) -> str:
    return HEADERS.get(name, f"{METRICS[name].title}{' %' if METRICS[name].percent else ''}")


def _figure(compared: Compared, name: str, one: Decoding) -> Text:
    return Text(
        format_value(METRICS[name], one.metrics.get(name)), style="bold" if _is_best(compared, name, one) else ""
    )


def _change(compared: Compared, one: Decoding) -> tuple[str, str]:
    difference = compared.differences.get(one.label)
    if difference is None:
        return MISSING, MISSING
    return format_change(METRICS[compared.metric], difference.mean), format_p(p_of(difference))


def _is_best(compared: Compared, name: str, one: Decoding) -> bool:
    better = METRICS[name].better
    values = [other.metrics[name] for other in compared.each if name in other.metrics]
    if better is None or name not in one.metrics or len(set(values)) < 2:
        return False
    return one.metrics[name] == (max(values) if better == "higher" else min(values))


def write(folder: Path, compared: Compared) -> None:
    """Write the table as ``decodings.csv`` and ``decodings.json``, and the answers of every row beside them."""
    text, keys = io.StringIO(), list(compared.each[0].settings)
    names = [name for name in METRICS if any(name in one.metrics for one in compared.each)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*keys, *names, f"{compared.metric}_change", "low", "high", "p"])
    for one in compared.each:
        difference = compared.differences.get(one.label)
        told = [difference.mean, difference.low, difference.high, p_of(difference)] if difference else [math.nan] * 4
        writer.writerow([*one.settings.values(), *(one.metrics.get(name, "") for name in names), *_plain(told)])
    write_text(folder / "decodings.csv", text.getvalue())
    write_json(folder / "decodings.json", [{"settings": one.settings, "metrics": one.metrics} for one in compared.each])
    for number, one in enumerate(compared.each):
        write_rows(folder / f"{number}.jsonl", one.rows)


def _plain(values: Sequence[float]) -> list[float | str]:
    return ["" if math.isnan(value) else value for value in values]
