"""``fsqa evaluate predictions=FILE``: score answers that no run of ours gave, as a row of a study's table."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsqa.commands.arguments import Arguments, parse
from fsqa.config.check import check_config
from fsqa.config.compose import compose_one
from fsqa.errors import InputError, did_you_mean

OWN = ("predictions", "name")
"""Keys that are this command's own."""
KEYS = ("dataset", "metrics", "test_questions", "study", "outputs", "allow")
"""Keys and groups of a run that decide how answers are scored, and where they go."""


def run(words: list[str]) -> int:
    """Score a file of answers on the test split of a dataset, write them as a run, and print the metrics."""
    parser = Arguments(
        "fsqa evaluate predictions=FILE",
        "Score answers from elsewhere by the same metrics on the same test questions, as a row of a study's table.",
    )
    parser.add_argument("overrides", nargs="+", metavar="key=value", help=f"{', '.join((*OWN, *KEYS))}")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    options = parse(parser, words)
    own, others = _own(options.overrides)
    file = Path(own["predictions"]).expanduser()
    if not file.is_file():
        names = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
        raise InputError(f"predictions: there is no file {file.absolute()}{did_you_mean(file.name, names)}")
    config, choices = _composed(others)
    name = own.get("name") or re.sub(r"\W+", "_", file.name.split(".")[0])
    if not re.fullmatch(r"[\w][\w.\-]*", name):
        raise InputError(f"name: wanted letters, digits, '.', '_' and '-', got {name!r}; set name=my_model")
    _score(config, choices, file, name, as_json=options.json)
    return 0


def _own(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    own, others = {}, []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in OWN:
            own[key] = value
        elif key.split(".")[0].lstrip("+~") in KEYS:
            others.append(word)
        else:
            near = did_you_mean(key, (*OWN, *KEYS))
            raise InputError(f"'{word}': answers from elsewhere take only {', '.join((*OWN, *KEYS))}{near}")
    return own, others


def _composed(overrides: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the overrides choose, checked as for a run, and the options of its groups."""
    from omegaconf import OmegaConf

    from fsqa.config.compose import compose_config

    cfg = compose_config(overrides, with_hydra=True)
    chosen = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(chosen, dict)
    # of several options, as in metrics=[text,calibration], Hydra names none
    choices = {group: str(chosen[group]) for group in ("dataset", "metrics") if group in chosen}
    plain = check_config(compose_one(overrides))
    return {key: plain[key] for key in (*KEYS, "prompt")}, choices


def _score(config: dict[str, Any], choices: dict[str, str], file: Path, name: str, *, as_json: bool) -> None:
    from fsqa.commands.evaluate import print_metrics
    from fsqa.outside import score_file

    scored = score_file(config, choices, file, name)
    if as_json:
        print(json.dumps(dict(scored.metrics)))
        return
    print_metrics(f"{name}, test split of {choices['dataset']}", scored.metrics, {})
    for count, told in (
        (scored.missing, "test questions have no answer in the file; each counts as answered with nothing"),
        (scored.foreign, "answers are to questions that are not in the test"),
        (scored.skipped, "entries hold figures and no answer"),
    ):
        if count:
            print(f"{count:,} {told}")
    print(f"a row of its study: {scored.folder}")
