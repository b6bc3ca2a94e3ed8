"""A model in fewer bits, beside what that costs on the run's own test set."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fsqa.config.assemble import assemble_scoring
from fsqa.export.weights import load_folder, model_class_of, weights_mb, write_merged
from fsqa.files import write_json
from fsqa.finished import Finished
from fsqa.model.quantization import Quantization
from fsqa.model.tokenizer import read_tokenizer
from fsqa.progress import counting

COMPARED = ("exact_match", "f1", "answer_nll")
WARM_UP = 8
"""Questions answered before the clock starts."""


@dataclass(frozen=True)
class Precision:
    """What a model is like in one precision."""

    precision: str
    megabytes: float
    """Size of the weights on disk."""
    answers_per_second: float
    scores: dict[str, float]
    """Of the run's own test set; metrics that the run does not have are left out."""


def write_quantized(finished: Finished, folder: Path, kind: Quantization) -> list[Precision]:
    """Write the model in fewer bits, measure it beside float32 and bfloat16, and write ``table.json``.

    The loaded weights are what is written: what answers here is what answers later.
    """
    model_class = model_class_of(finished)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".whole-") as temporary:
        whole = Path(temporary) / "float32"
        write_merged(finished, whole)
        tokenizer = read_tokenizer(str(whole), None)
        measured = []
        for precision, quantization, place in (
            ("as trained", Quantization(kind="none"), whole),
            ("bfloat16", Quantization(kind="bfloat16"), Path(temporary) / "bfloat16"),
            (kind.kind, kind, folder),
        ):
            model = load_folder(whole, model_class, quantization)
            if place != whole:
                model.save_pretrained(place)
            named = _dtype(model) if precision == "as trained" else precision
            measured.append(_measured(finished, named, model, tokenizer, weights_mb(place)))
            del model
    tokenizer.save_pretrained(folder)
    write_json(folder / "table.json", [asdict(one) for one in measured])
    return measured


def table(measured: list[Precision]) -> str:
    """Return the comparison as a Markdown table."""
    from fsqa.metrics.catalogue import METRICS

    names = list(measured[0].scores)
    lines = [
        "| precision | size, MB | answers / s | " + " | ".join(METRICS[name].title for name in names) + " |",
        "| --- |" + " ---: |" * (2 + len(names)),
    ]
    for one in measured:
        scores = " | ".join(f"{one.scores[name]:.4f}" for name in names)
        lines.append(f"| {one.precision} | {one.megabytes:.2f} | {one.answers_per_second:.1f} | {scores} |")
    return "\n".join(lines)


def shown(measured: list[Precision]) -> str:
    """Return the comparison as a table for the terminal."""
    from rich.console import Console
    from rich.table import Table

    from fsqa.metrics.catalogue import METRICS

    grid = Table(box=None, pad_edge=False)
    grid.add_column("precision")
    for title in ("size, MB", "answers / s", *(METRICS[name].title for name in measured[0].scores)):
        grid.add_column(title, justify="right")
    for one in measured:
        scores = (f"{score:.4f}" for score in one.scores.values())
        grid.add_row(one.precision, f"{one.megabytes:.2f}", f"{one.answers_per_second:.1f}", *scores)
    console = Console()
    with console.capture() as capture:
        console.print(grid)
    return capture.get().rstrip()


def _dtype(model: Any) -> str:
    return str(model.dtype).removeprefix("torch.")


def _measured(finished: Finished, precision: str, model: Any, tokenizer: Any, megabytes: float) -> Precision:
    """Answer and score the run's test set; the clock runs while answers are generated alone."""
    objective, evaluator, records, examples = assemble_scoring(
        finished.config, model, tokenizer, "test", finished.cache
    )
    evaluator.answer(objective.model, list(records)[:WARM_UP])
    start = end = time.perf_counter()
    with counting(f"{precision}: test questions", len(records)) as advance:

        def tell(count: int) -> None:
            nonlocal end
            end = time.perf_counter()
            advance(count)

        rows = evaluator.evaluate(objective, records, examples, tell)
    scores = evaluator.scoring.summarize(rows)
    return Precision(
        precision=precision,
        megabytes=megabytes,
        answers_per_second=len(rows) / max(end - start, 1e-9),
        scores={name: scores[name] for name in COMPARED if name in scores},
    )
