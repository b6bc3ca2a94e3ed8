"""``fsqa evaluate``: score a finished run again without touching it, or score answers that no run gave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fsqa.asked import Asked, asked_of, combinations
from fsqa.commands.arguments import Arguments, parse
from fsqa.errors import InputError
from fsqa.finished import Finished, find_run, load_model

EPILOG = """Overrides:
  generation=greedy|sampling|beams   another way of answering; generation.KEY=VALUE changes one of its settings
  quantization=bfloat16|int8|nf4     weights in fewer bits
  metrics=[text,calibration]         further figures
  split=test|validation|train        which split of the run's own data
  questions=FILE                     your own questions, JSON lines with question and answer

  fsqa evaluate RUN quantization=int8 generation=sampling generation.temperature=0.7

Several values make a table, a row for every combination, each compared with the first on the same questions:
  fsqa evaluate RUN generation.max_new_tokens=3,6,12
  fsqa evaluate RUN generation=sampling generation.temperature=0.3,0.7,1.0 generation.top_p=0.9,1.0

Answers from elsewhere become a row of a study's table, scored by the same metrics on the same test questions:
  fsqa evaluate predictions=FILE name=gpt3 dataset=nq_open dataset.path=FOLDER study=nq
FILE holds {id: answer}, or a list or lines of objects with id or question and prediction.
"""


def run(words: list[str]) -> int:
    """Score a run, or a file of answers, and print the metrics."""
    if any(word.startswith("predictions=") for word in words):
        from fsqa.commands.evaluate_file import run as evaluate_file

        return evaluate_file(words)
    parser = Arguments(
        "fsqa evaluate",
        "Score a finished run again, under its own decoding and precision or others; the run stays as it is.",
        epilog=EPILOG,
    )
    parser.add_argument("run", type=Path, help="a run folder, such as outputs/default/<run>; or predictions=FILE")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--output", type=Path, help="a folder for predictions.jsonl and metrics.json, or for the table")
    parser.add_argument("--metric", help="what the rows of a table are compared by; the main figure unless given")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    options = parse(parser, words)
    finished = find_run(options.run)
    each = combinations(options.overrides)
    asked = [asked_of(finished, [word for _, word in settings]) for settings in each]
    if options.output is not None:
        _check_writable(options.output)
    if len(each) > 1:
        return _table(finished, [dict(settings) for settings in each], asked, options)
    if options.metric:
        raise InputError("--metric: says what the rows of a table are compared by; give a key several values, as a,b,c")
    _single(finished, asked[0], options)
    return 0


def _check_writable(output: Path) -> None:
    """Find out before the work, not after it, whether its result can be written."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output: cannot write to {output}: {error.strerror}") from None


def _single(finished: Finished, asked: Asked, options: Any) -> None:
    from fsqa.decodings import scored
    from fsqa.files import write_json, write_rows

    model, tokenizer = load_model(finished, asked.quantization)
    metrics, rows = scored(finished, asked, model, tokenizer)
    if options.output is not None:
        write_rows(options.output / "predictions.jsonl", rows)
        figures = {asked.split: metrics, "run": finished.path.name, **asked.settings}
        write_json(options.output / "metrics.json", figures)
    if options.json:
        print(json.dumps(metrics))
    else:
        title = f"{finished.path.name}, {asked.questions or f'{asked.split} split'}"
        own = {} if asked.own else _own(finished, asked)
        print_metrics(title, metrics, own if own.get("examples") == metrics["examples"] else {})


def _table(finished: Finished, settings: Sequence[Mapping[str, str]], asked: Sequence[Asked], options: Any) -> int:
    from fsqa.decodings import compare, evaluate_each, table, write

    each = evaluate_each(finished, settings, asked)
    compared = compare(each, options.metric)
    if options.output is not None:
        write(options.output, compared)
    if options.json:
        print(json.dumps([{"settings": one.settings, **one.metrics} for one in each]))
        return 0
    from rich.console import Console

    split = asked[0].questions or f"{asked[0].split} split"
    console = Console()
    console.print(table(f"{finished.path.name}, {split}", compared, console.width))
    return 0


def _own(finished: Finished, asked: Asked) -> dict[str, float]:
    """Read what the run itself scored on the split, of the training split on a part of it; nothing where it did not."""
    if asked.questions:
        return {}
    try:
        metrics: dict[str, Any] = json.loads((finished.path / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(metrics.get("val" if asked.split == "validation" else asked.split) or {})


def print_metrics(title: str, metrics: Mapping[str, float], own: Mapping[str, float]) -> None:
    """Print one line a metric: name, value, the run's own value and the difference, and what it is if there is room."""
    from rich.console import Console
    from rich.text import Text

    from fsqa.metrics.catalogue import METRICS

    console = Console()
    console.print(Text(title, style="bold"), soft_wrap=True)
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
