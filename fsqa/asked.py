"""What a finished run is asked to do otherwise: another decoding, another precision, another split."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fsqa.config.check import check_node, check_objects
from fsqa.config.compose import changed, compose_config, parse, refuse_sweeps
from fsqa.config.instantiate import build
from fsqa.config.together import check_asking
from fsqa.errors import InputError, did_you_mean
from fsqa.finished import Finished
from fsqa.model.quantization import Quantization
from fsqa.study.folder import read_status
from fsqa.types import SPLITS, Split

GROUPS = ("generation", "quantization", "metrics")
"""Config groups of which a finished run takes another option."""
VARIED = ("generation", "quantization")
"""Groups whose keys may be given several values at once."""
OVERRIDE = re.compile(r"[+~]?[A-Za-z_][\w.]*=\S*|~\S+")
"""What is taken for an override where there may be a question too: it holds no white space."""


@dataclass(frozen=True)
class Asked:
    """How a finished run's model is to answer."""

    generation: dict[str, Any]
    quantization: Quantization
    metrics: dict[str, Any]
    split: Split
    questions: str | None
    """A file of questions in place of the test split."""
    own: bool
    """Whether it is as the run itself was scored, but for the split."""

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return {
            "generation": self.generation,
            "quantization": self.quantization.kind,
            "metrics": self.metrics,
            "split": self.split,
            "questions": self.questions,
        }

    def config(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return the config of a run with what was asked for in the place of its own."""
        questions = {"test_questions": self.questions} if self.questions else {}
        return {**run, "generation": self.generation, "metrics": self.metrics, **questions}


def asked_of(
    finished: Finished, overrides: Sequence[str], keys: Sequence[str] = (*GROUPS, "split", "questions")
) -> Asked:
    """Put overrides over the run's own settings; what does not fit them, or the run's objective, is an InputError.

    ``keys`` are the top-level keys that can be set.
    """
    parsed = parse(overrides)
    refuse_sweeps(parsed, "one is wanted here")
    choices = [override for override in parsed if override.key_or_group in GROUPS]
    cfg = compose_config([str(override.input_line) for override in choices], name="evaluate")
    chosen = {override.key_or_group for override in choices}
    if "metrics" in chosen and "memorisation" in cfg.metrics:
        raise InputError(
            "metrics=memorisation: training questions are answered when a run ends, not when it is scored again; take "
            "split=train instead"
        )
    for group, own in (("generation", _own_generation(finished)), ("metrics", finished.config.get("metrics") or {})):
        if group not in chosen:
            cfg[group] = own
    visible = OmegaConf.masked_copy(cfg, list(keys))
    cfg.merge_with(changed(visible, [override for override in parsed if override not in choices]))
    return _checked(finished, cfg)


def combinations(overrides: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Return every combination of the values listed in overrides: of each its settings, as key and override.

    An override with one value is in all of them, under an empty key.
    """
    each = []
    for override in parse(overrides):
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise InputError(f"override: '{override.input_line}' is a range; list its values, as in key=a,b,c")
        key = override.key_or_group
        if override.is_sweep_override() and key.split(".")[0] not in VARIED:
            raise InputError(
                f"'{override.input_line}' is a sweep over several values; only {' and '.join(VARIED)} can have "
                "several, because the rows of a table are compared on the same questions"
            )
        values = [str(value) for value in override.sweep_string_iterator()] if override.is_sweep_override() else []
        word = str(override.input_line)
        each.append([(key, f"{key}={value}") for value in values] or [("", word)])
    return [list(settings) for settings in itertools.product(*each)]


def is_override(word: str) -> bool:
    """Say whether a word on the command line is an override and not a question."""
    return OVERRIDE.fullmatch(word) is not None


def _checked(finished: Finished, cfg: DictConfig) -> Asked:
    asked: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    config, split = finished.config, asked["split"]
    if split not in SPLITS:
        raise InputError(f"split: wanted one of {', '.join(SPLITS)}, got '{split}'{did_you_mean(str(split), SPLITS)}")
    for group in GROUPS:
        check_node(group, asked[group], config["allow"])
    generation = _decided(finished, asked["generation"])
    check_asking({**config, "generation": generation})
    made = build(generation)
    scorers = {name: build(node) for name, node in asked["metrics"].items()}
    check_objects({"objective": build(config["objective"]), "generation": made, "scorers": scorers})
    for name in made.undecided():
        raise InputError(
            f"generation.{name}: null leaves it to the validation of a run that is trained so, and this one was not; "
            f"give a number, as in generation.{name}=0"
        )
    quantization = build(asked["quantization"])
    questions = asked["questions"]
    if questions and split != "test":
        raise InputError(f"questions: they take the place of the test split, but split={split}; leave one out")
    own = generation == _own_generation(finished) and quantization.kind == "none" and not questions
    return Asked(
        generation=generation,
        quantization=quantization,
        metrics=asked["metrics"],
        split=split,
        questions=questions,
        own=own,
    )


def _own_generation(finished: Finished) -> dict[str, Any]:
    """Return the run's own way of answering, with what came to it after the run was made as it was then."""
    own = finished.config["generation"]
    later = {each.name: each.default for each in fields(build(own)) if each.default is not MISSING}
    return {**own, **{name: default for name, default in later.items() if name not in own}}


def _decided(finished: Finished, generation: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what the run's validation has decided about the same way of answering."""
    own, result = finished.config["generation"], dict(generation)
    if own.get("_target_") == result.get("_target_"):
        for name in read_status(finished.path).get("decided") or {}:
            group, _, key = name.partition(".")
            if group == "generation" and result.get(key) is None:
                result[key] = own[key]
    return result
