"""How long data takes from nothing to the first batch, and how fast texts are tokenised against ``datasets.map``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import positive
from benchmarks.processes import single_threaded, timed
from fsqa.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
TEXTS = 20_000
"""Questions that are tokenised in each way."""
WAYS = {"fsqa": "fsqa", "map": "datasets.map, a row at a time", "batched": "datasets.map, batched"}

COLUMNS = ("what", "rows", "wall s", "CPU s", "rows/s", "wall s with imports", "peak MB")

MOST_SECONDS = {"nq_open, cold": 6.0, "nq_open, cached": 1.0, "atlas 1,000,000, cold": 90.0}
MOST_MB = 1000
"""What every case has to stay below, with all that is imported."""

NOTES = [
    "Every row is a process of its own with one thread for matrix products: cold with an empty cache, cached with what "
    "the cold one left. 'wall s' and 'CPU s' are from the config to the first batch, all modules imported before; "
    "'wall s with imports' is the whole process. 'peak MB' is the process's highest resident size, imports and pages "
    "of mapped files included.",
    "Each case learns its tokenizer from its own training questions.",
    "All ways of tokenising gave the same ids, as one list for each text.",
]

Work = Callable[[], tuple[int, dict[str, str]]]
"""What is timed: it returns how many rows it went through, and facts that are not shown."""


def main(argv: Sequence[str]) -> int:
    """Measure all cases, write ``data.json`` and ``data.md``; 1 where one takes more time or memory than it may."""
    options = _parser().parse_args(argv)
    if options.measure:
        print(json.dumps(measured(json.loads(options.measure))))
        return 0
    from benchmarks.machine import facts
    from benchmarks.tables import write

    if not options.data.is_dir():
        raise InputError(f"--data: wanted the folder of nq_open, got {options.data}, which is none")
    rows = _cases(options.rows, options.data.resolve()) + _tokenising_rows()
    command = f"python -m benchmarks data {shlex.join(argv)}".rstrip()
    write(options.output, "data", "Data, from nothing to the first batch", COLUMNS, rows, NOTES, command, facts())
    over = beyond(rows)
    print(f"{options.output / 'data.md'}: {'too much: ' + ', '.join(over) if over else 'all within their limits'}")
    return int(bool(over))


def _cases(most: int, data: Path) -> list[dict[str, Any]]:
    """Measure every source of questions, cold and then cached."""
    cases = {"nq_open": ["dataset=nq_open", f"dataset.path={data}", "dataset.answers=single"]}
    cases |= {f"atlas {size:,}": [f"dataset.questions={size}"] for size in SIZES if size <= most}
    rows = []
    for name, words in cases.items():
        with tempfile.TemporaryDirectory(prefix="fsqa-data-") as cache:
            for state in ("cold", "cached"):
                rows.append({"what": f"{name}, {state}", **_in_child({"cache": cache, "words": words})})
    return rows


def _tokenising_rows() -> list[dict[str, Any]]:
    """Measure every way of tokenising; raises AssertionError where their ids differ."""
    rows = [{"what": f"tokenising, {told}", **_in_child({"way": way})} for way, told in WAYS.items()]
    if len({row.pop("ids") for row in rows}) != 1:
        raise AssertionError("the ways of tokenising give different ids")
    return rows


def beyond(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cases that took more seconds, or more memory, than they may."""
    return [
        row["what"]
        for row in rows
        if row["wall s"] > MOST_SECONDS.get(row["what"], float("inf"))
        or (row["what"].startswith(("nq_open", "atlas")) and row["peak MB"] > MOST_MB)
    ]


def _in_child(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.data", "--measure", json.dumps(task)]
    done = timed(command, environment=single_threaded())
    found: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
    return {**found, "wall s with imports": done.wall}


def measured(task: Mapping[str, Any]) -> dict[str, Any]:
    """Time one task in this process."""
    from fsqa.memory import peak_mb

    work = _first_batch(task["words"], Path(task["cache"])) if "cache" in task else _tokenising(task["way"])
    begun, cpu = time.perf_counter(), time.process_time()
    rows, facts = work()
    seconds = time.perf_counter() - begun
    return {
        "rows": rows,
        "wall s": seconds,
        "CPU s": time.process_time() - cpu,
        "rows/s": rows / seconds,
        "peak MB": peak_mb(),
        **facts,
    }


def _first_batch(words: Sequence[str], cache: Path) -> Work:
    """Return the work from a config to the first batch, its imports done."""
    from omegaconf import OmegaConf
    from transformers import PreTrainedTokenizerFast  # noqa: F401  # imported now, so that it is not counted

    from fsqa.config.assemble import assemble
    from fsqa.config.compose import compose_one
    from fsqa.data.module import QuestionDataModule

    config = OmegaConf.to_container(compose_one(words), resolve=True)

    def work() -> tuple[int, dict[str, str]]:
        found = assemble(config, cache).examples
        module = QuestionDataModule(
            train=found["train"],
            validation=found["validation"],
            pad_id=0,
            batch_size=8,
            micro_batch_size=8,
            seed=0,
            workers=0,
        )
        next(iter(module.train_dataloader()))
        return sum(map(len, found.values())), {}

    return work


def _tokenising(way: str) -> Work:
    """Return the work of tokenising questions of the atlas one way; its facts hold a hash of the ids."""
    from collections import Counter
    from hashlib import sha256

    import datasets

    from fsqa.dataset.atlas import Atlas
    from fsqa.encode.words import WordMemory
    from fsqa.model.tokenizer import learn_tokenizer

    datasets.disable_progress_bars()
    atlas = Atlas(questions=TEXTS, phrasings=7, validation_questions=1, test_questions=1, seed=0)
    texts = [record.question for record in atlas.records("train", Counter())]
    tokenizer = learn_tokenizer(iter(texts[:2000]), 2048)
    memory = WordMemory(tokenizer)
    table = datasets.Dataset.from_dict({"text": texts})

    def tokenised(rows: Mapping[str, Any]) -> dict[str, Any]:
        return {"ids": tokenizer(rows["text"], add_special_tokens=False)["input_ids"]}

    def work() -> tuple[int, dict[str, str]]:
        if way == "fsqa":
            pieces = memory.pieces(texts)
            ids = [pieces[i].tolist() for i in range(len(pieces))]
        else:
            ids = list(table.map(tokenised, batched=way == "batched", load_from_cache_file=False)["ids"])
        return len(texts), {"ids": sha256(json.dumps(ids).encode()).hexdigest()}

    return work


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks data", description=__doc__)
    add = parser.add_argument
    add("--rows", type=positive, default=SIZES[-1], help=f"most questions of the atlas ({SIZES[-1]:,})")
    add("--data", type=Path, default=ROOT.parent / "shared/data/nq_open", help="folder of the nq_open files")
    add("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    add("--measure", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
