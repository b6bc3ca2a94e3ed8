"""What a finished run is asked to do otherwise: another decoding, another precision, another split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fsqa.config.check import check_node, check_objects
from fsqa.config.compose import changed, compose_config, parse, refuse_sweeps
from fsqa.config.instantiate import build
from fsqa.config.together import check_room
from fsqa.errors import InputError, did_you_mean
from fsqa.finished import Finished
from fsqa.model.quantization import Quantization
from fsqa.study.folder import read_status
from fsqa.types import SPLITS, Split

GROUPS = ("generation", "quantization")
"""Config groups of which a finished run takes another option."""
OVERRIDE = re.compile(r"[+~]?[A-Za-z_][\w.]*=\S*|~\S+")
"""What is taken for an override where there may be a question too: it holds no white space."""


@dataclass(frozen=True)
class Asked:
    """How a finished run's model is to answer."""

    generation: dict[str, Any]
    quantization: Quantization
    split: Split
    own: bool
    """Whether it is as the run itself was scored, but for the split."""

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return {"generation": self.generation, "quantization": self.quantization.kind, "split": self.split}


def asked_of(finished: Finished, overrides: Sequence[str], keys: Sequence[str] = (*GROUPS, "split")) -> Asked:
    """Put overrides over the run's own settings; what does not fit them, or the run's objective, is an InputError.

    ``keys`` are the top-level keys that can be set.
    """
    parsed = parse(overrides)
    refuse_sweeps(parsed, "one is wanted here")
    choices = [override for override in parsed if override.key_or_group in GROUPS]
    cfg = compose_config([str(override.input_line) for override in choices], name="evaluate")
    if not any(override.key_or_group == "generation" for override in choices):
        cfg.generation = finished.config["generation"]
    visible = OmegaConf.masked_copy(cfg, list(keys))
    cfg.merge_with(changed(visible, [override for override in parsed if override not in choices]))
    return _checked(finished, cfg)


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
    check_room(generation, config["max_length"])
    made = build(generation)
    check_objects({"objective": build(config["objective"]), "generation": made})
    for name in made.undecided():
        raise InputError(
            f"generation.{name}: null leaves it to the validation of a run that is trained so, and this one was not; "
            f"give a number, as in generation.{name}=0"
        )
    quantization = build(asked["quantization"])
    own = generation == config["generation"] and quantization.kind == "none"
    return Asked(generation=generation, quantization=quantization, split=split, own=own)


def _decided(finished: Finished, generation: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what the run's validation has decided about the same way of answering."""
    own, result = finished.config["generation"], dict(generation)
    if own.get("_target_") == result.get("_target_"):
        for name in read_status(finished.path).get("decided") or {}:
            group, _, key = name.partition(".")
            if group == "generation" and result.get(key) is None:
                result[key] = own[key]
    return result
