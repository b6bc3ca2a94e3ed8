"""``fsqa evaluate``: score a finished run again, without touching it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from fsqa.commands.arguments import Arguments, parse
from fsqa.config.check import check_node
from fsqa.config.compose import compose_one
from fsqa.config.together import check_room
from fsqa.errors import InputError, did_you_mean
from fsqa.finished import Finished, find_run, load_model
from fsqa.types import SPLITS


def run(words: list[str]) -> int:
    """Score a run on a split of its own data, under its own decoding or another, and print the metrics."""
    parser = Arguments(
        "fsqa evaluate",
        "Score a finished run again, under its own way of decoding or another; the run stays as it is.",
        epilog="Overrides: split=validation, generation.max_new_tokens=6, generation.batch_size=16 ...",
    )
    parser.add_argument("run", type=Path, help="a run folder, such as outputs/default/<run>")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--output", type=Path, help="a folder for predictions.jsonl and metrics.json")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    options = parse(parser, words)
    finished = find_run(options.run)
    changed = _changes(options.overrides, finished)
    if options.output is not None:
        _check_writable(options.output)
    metrics = _evaluate(finished, changed, options.output)
    if options.json:
        print(json.dumps(metrics))
    else:
        _print(metrics, finished, changed["split"])
    return 0


def _changes(overrides: list[str], finished: Finished) -> dict[str, Any]:
    """Compose what is asked for over the run's own settings."""
    cfg = compose_one(overrides, name="evaluate")
    asked: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    if asked["split"] not in SPLITS:
        near = did_you_mean(str(asked["split"]), SPLITS)
        raise InputError(f"split: wanted one of {', '.join(SPLITS)}, got '{asked['split']}'{near}")
    own = finished.config["generation"]
    named = {override.split("=")[0] for override in overrides}
    if "generation" not in named:
        # The run's own decoding, with only the keys that were named changed.
        keys = [name.removeprefix("generation.") for name in named if name.startswith("generation.")]
        asked["generation"] = {**own, **{key: asked["generation"][key] for key in keys}}
    check_node("generation", asked["generation"], finished.config["allow"])
    check_room(asked["generation"], finished.config["max_length"])
    return asked


def _check_writable(output: Path) -> None:
    """Find out before the work, not after it, whether its result can be written."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output: cannot write to {output}: {error.strerror}") from None


def _evaluate(finished: Finished, changed: dict[str, Any], output: Path | None) -> dict[str, float]:
    from fsqa.config.assemble import assemble_scoring
    from fsqa.files import write_json
    from fsqa.metrics.scoring import summarize
    from fsqa.progress import counting
    from fsqa.results import write_rows

    model, tokenizer = load_model(finished)
    config = {**finished.config, "generation": changed["generation"]}
    objective, evaluator, records, examples = assemble_scoring(
        config, model, tokenizer, changed["split"], finished.cache
    )
    with counting(f"{changed['split']} questions", len(records)) as advance:
        rows = evaluator.evaluate(objective, records, examples, advance)
    metrics = summarize(rows)
    if output is not None:
        write_rows(output / "predictions.jsonl", rows)
        write_json(output / "metrics.json", {changed["split"]: metrics, "run": finished.path.name, **changed})
    return metrics


def _print(metrics: dict[str, float], finished: Finished, split: str) -> None:
    """Print one line a metric: its name, its value, and as much of what it is as the terminal is wide."""
    from rich.console import Console
    from rich.text import Text

    from fsqa.metrics.catalogue import METRICS

    console = Console()
    console.print(Text(f"{finished.path.name}, {split} split", style="bold"), soft_wrap=True)
    width = max(len(METRICS[name].title) if name in METRICS else len(name) for name in metrics)
    for name, value in metrics.items():
        metric = METRICS.get(name)
        shown = f"{100 * value:.1f} %" if metric and metric.percent else f"{value:,.4g}"
        line = Text(f"{metric.title if metric else name:{width}}  {shown:>8}")
        line.append(f"  {metric.protocol if metric else ''}", style="dim")
        console.print(line, no_wrap=True, overflow="ellipsis")
