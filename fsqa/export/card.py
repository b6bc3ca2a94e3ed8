"""The model card of an export: the run's own, with what was done since."""

from __future__ import annotations

import json
from pathlib import Path

from fsqa.config.instantiate import build
from fsqa.files import write_text
from fsqa.finished import Finished
from fsqa.model.tokenizer import read_tokenizer
from fsqa.model_card import model_card


def write_card(finished: Finished, folder: Path, *, adapter: bool, note: str) -> None:
    """Write ``README.md`` for an export of a run into its folder."""
    run, config = finished.path, finished.config
    lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    tokenizer = read_tokenizer(str(run / "model"), None)
    card = model_card(
        run=run.name,
        config=config,
        choices=finished.choices,
        metrics=json.loads((run / "metrics.json").read_text(encoding="utf-8")),
        rows=[json.loads(line) for line in lines],
        encoder=build(config["objective"]).encoder(tokenizer, config["max_length"]),
        adapter=adapter,
        note=note,
    )
    write_text(folder / "README.md", card)
