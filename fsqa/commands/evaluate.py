"""``fsqa evaluate``: score a finished run again, without touching it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsqa.commands.arguments import Arguments, parse
from fsqa.commands.overrides import Asked, asked_of
from fsqa.errors import InputError
from fsqa.finished import Finished, find_run, load_model

EPILOG = """Overrides:
  generation=greedy|sampling|beams   another way of answering; generation.KEY=VALUE changes one of its settings
  quantization=bfloat16|int8|nf4     weights in fewer bits
  split=test|validation|train        which split of the run's own data

  fsqa evaluate RUN quantization=int8 generation=sampling generation.temperature=0.7
"""


def run(words: list[str]) -> int:
    """Score a run on a split of its own data, under its own decoding and precision or others, and print the metrics."""
    parser = Arguments(
        "fsqa evaluate",
        "Score a finished run again, under its own decoding and precision or others; the run stays as it is.",
        epilog=EPILOG,
    )
    parser.add_argument("run", type=Path, help="a run folder, such as outputs/default/<run>")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--output", type=Path, help="a folder for predictions.jsonl and metrics.json")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    options = parse(parser, words)
    finished = find_run(options.run)
    asked = asked_of(finished, options.overrides)
    if options.output is not None:
        _check_writable(options.output)
    metrics = _evaluate(finished, asked, options.output)
    if options.json:
        print(json.dumps(metrics))
    else:
        _print(metrics, {} if asked.own else _own(finished, asked), finished, asked)
    return 0


def _check_writable(output: Path) -> None:
    """Find out before the work, not after it, whether its result can be written."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output: cannot write to {output}: {error.strerror}") from None


def _evaluate(finished: Finished, asked: Asked, output: Path | None) -> dict[str, float]:
    from fsqa.config.assemble import assemble_scoring
    from fsqa.files import write_json, write_rows
    from fsqa.progress import counting

    model, tokenizer = load_model(finished, asked.quantization)
    config = {**finished.config, "generation": asked.generation}
    objective, evaluator, records, examples = assemble_scoring(config, model, tokenizer, asked.split, finished.cache)
    with counting(f"{asked.split} questions", len(records)) as advance:
        rows = evaluator.evaluate(objective, records, examples, advance)
    metrics = evaluator.scoring.summarize(rows)
    if output is not None:
        write_rows(output / "predictions.jsonl", rows)
        write_json(output / "metrics.json", {asked.split: metrics, "run": finished.path.name, **asked.settings})
    return metrics


def _own(finished: Finished, asked: Asked) -> dict[str, float]:
    """Read what the run itself scored on the split; nothing where it kept no score, as of the training split."""
    try:
        metrics: dict[str, Any] = json.loads((finished.path / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(metrics.get("val" if asked.split == "validation" else asked.split) or {})


def _print(metrics: Mapping[str, float], own: Mapping[str, float], finished: Finished, asked: Asked) -> None:
    """Print one line a metric: name, value, the run's own value and the difference, and what it is if there is room."""
    from rich.console import Console
    from rich.text import Text

    from fsqa.metrics.catalogue import METRICS

    console = Console()
    console.print(Text(f"{finished.path.name}, {asked.split} split", style="bold"), soft_wrap=True)
    titles = {name: METRICS[name].title if name in METRICS else name for name in metrics}
    width = max(map(len, titles.values()))
    if own:
        console.print(Text(f"{'':{width}}  {'now':>8}  {'the run':>8}  {'change':>8}", style="dim"))
    for name, value in metrics.items():
        metric = METRICS.get(name)
        percent = metric is not None and metric.percent
        line = Text(f"{titles[name]:{width}}  {_figure(value, percent):>8}")
        if name in own:
            change = value - own[name]
            sign = "+" if change > 0 else ""
            line.append(f"  {_figure(own[name], percent):>8}  {sign + _figure(change, percent) if change else '=':>8}")
        line.append(f"  {metric.protocol if metric else ''}", style="dim")
        console.print(line, no_wrap=True, overflow="ellipsis")


def _figure(value: float, percent: bool) -> str:
    return f"{100 * value:.1f} %" if percent else f"{value:,.4g}"
