"""Whether a composed config can work, told before anything heavy loads."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fsqa.config.instantiate import build
from fsqa.config.settings import Settings, SweepSettings
from fsqa.config.signature import mismatch, names, signature
from fsqa.config.together import check_monitors, check_together
from fsqa.errors import InputError, did_you_mean
from fsqa.generation.autoregressive import Autoregressive
from fsqa.generation.no_answers import NoAnswers

ALLOWED = ("fsqa", "torch", "pytorch_lightning", "transformers", "peft", "bitsandbytes", "torchmetrics")
"""Packages whose classes a config may name; ``allow`` adds to them."""

GROUPS = (
    "model",
    "dataset",
    "prompt",
    "loss",
    "tuning",
    "optimizer",
    "scheduler",
    "objective",
    "generation",
    "metrics",
    "speed",
    "trainer",
    "callbacks",
    "logger",
)
"""Config groups that every run composes."""

SETTINGS = "fsqa.config.settings.Settings"
SWEEP_SETTINGS = "fsqa.config.settings.SweepSettings"

OWN = "fsqa"

LIGHT = ("loss", "prompt", "generation", "scheduler", "tuning", "objective", "dataset", "model", "speed")
"""Groups whose own classes are made without loading torch, and so can be tried at once."""

RUNTIME: Mapping[str, tuple[str, ...]] = {
    "callbacks.answers": ("evaluator", "records", "loggers"),
    "callbacks.history": ("path", "loggers"),
    "callbacks.progress": ("path",),
    "logger": ("save_dir", "run"),
}
"""What only a run can give to the objects of a group, so that no config has it."""

WORDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "Tensor": "a tensor"}


def check_config(cfg: DictConfig) -> dict[str, Any]:
    """Return the resolved config as plain values, or raise InputError for the first key that cannot work.

    Checked are missing values, interpolations, names and types of every key against the signature of the class
    that takes it, the packages that targets come from, and what is known not to work together.
    """
    try:
        for name in sorted(OmegaConf.missing_keys(cfg)):
            raise InputError(f"{name}: a value is wanted and none was given; set {name}=...")
        plain: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        where = f"{error.full_key}: " if error.full_key else "config: "
        raise InputError(f"{where}{str(error).splitlines()[0]}") from None
    _check_top_level(plain)
    settings = {name: plain[name] for name in Settings.__dataclass_fields__}
    _check_arguments("", settings, SETTINGS)
    Settings(**settings)
    _check_arguments("sweep", settings["sweep"], SWEEP_SETTINGS)
    SweepSettings(**settings["sweep"])
    check_node("", plain, settings["allow"])
    check_together(plain)
    # A class itself refuses values that only it can judge.
    made = {group: _made(json.dumps(plain[group])) for group in LIGHT if _is_own(plain[group])}
    made["scorers"] = {name: _made(json.dumps(node)) for name, node in (plain["metrics"] or {}).items() if node}
    check_objects(made)
    check_monitors(plain["callbacks"], made["scorers"])
    if "objective" in made:
        made["objective"].check_length(plain["max_length"])
    return plain


@cache
def _made(node: str) -> Any:
    """Make the object of a node once, however many jobs of a sweep have it."""
    return build(json.loads(node))


def check_objects(made: Mapping[str, Any]) -> None:
    """Raise InputError for chosen objects that do not go together; those of other packages are not judged."""
    if "objective" in made:
        if "prompt" in made:
            made["objective"].check_prompt(made["prompt"])
        made["objective"].check(made.get("loss"), made.get("generation"))
    for name, scorer in made.get("scorers", {}).items():
        if isinstance(made.get("generation"), NoAnswers):
            raise InputError(
                f"metrics.{name}: with generation=none there is no answer to score; set metrics=answers, or have the "
                "model write, as with generation=greedy"
            )
        if scorer.needs_confidence and not isinstance(made.get("generation"), Autoregressive):
            raise InputError(
                f"metrics.{name}: it asks how likely every generated token was, which only a decoder's answers tell; "
                "take it out of metrics, or set objective=causal generation=greedy"
            )


def _is_own(node: Mapping[str, Any]) -> bool:
    return str(node.get("_target_")).startswith(f"{OWN}.")


def check_node(path: str, node: object, allow: list[str]) -> None:
    """Check every target at or below a plain config node: where it comes from, and what it is given."""
    for where, target in _targets(node, path):
        _check_target(f"{where}._target_", target["_target_"], allow)
        _check_arguments(where, target, target["_target_"])
        _check_complete(where, target)


def _check_top_level(plain: Mapping[str, Any]) -> None:
    known = {*Settings.__dataclass_fields__, *GROUPS}
    for name in plain:
        if name not in known:
            raise InputError(f"{name}: no such top-level key{did_you_mean(name, known)}; see fsqa train --help")
    for name in sorted(known - set(plain)):
        if name in GROUPS:
            raise InputError(f"{name}: nothing was chosen; take one of its options, as in {name}=...")
        raise InputError(f"{name}: a value is wanted and none was given; set {name}=...")


def _targets(node: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield path, node
        for name, child in node.items():
            yield from _targets(child, f"{path}.{name}" if path else str(name))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from _targets(child, f"{path}[{i}]")


def _check_target(where: str, target: object, allow: list[str]) -> None:
    if not isinstance(target, str) or "." not in target:
        raise InputError(f"{where}: wanted the dotted name of a class, got {target!r}")
    package = target.split(".")[0]
    if package not in (*ALLOWED, *allow):
        raise InputError(
            f"{where}: '{target}' is outside the packages that may be named ({', '.join((*ALLOWED, *allow))}); "
            f"if you trust it, set allow=[{package}]"
        )
    module, _, name = target.rpartition(".")
    if package == OWN and name not in (known := names(module)):
        raise InputError(f"{where}: there is no '{name}' in {module}{did_you_mean(name, known)}")


def _check_arguments(path: str, values: Mapping[str, Any], target: str) -> None:
    known = signature(target)
    if known is None:
        return
    prefix = f"{path}." if path else ""
    for name, value in values.items():
        if name.startswith("_"):
            continue
        if name not in known.parameters:
            if not known.open:
                near = did_you_mean(name, known.parameters)
                raise InputError(f"{prefix}{name}: {target} takes no such key{near}")
            continue
        annotation = known.parameters[name]
        if mismatch(value, annotation) and not (isinstance(value, Mapping) and "_target_" in value):
            raise InputError(f"{prefix}{name}: wanted {_plain_words(annotation)}, got {_shown(value)}")


def _check_complete(path: str, node: Mapping[str, Any]) -> None:
    known = signature(node["_target_"])
    if known is None or node.get("_partial_"):
        return
    given = {*node, *next((late for start, late in RUNTIME.items() if path.startswith(start)), ())}
    for name in sorted(known.required - given):
        raise InputError(
            f"{path}.{name}: {node['_target_']} needs this key and it is not there; set +{path}.{name}=..."
        )


def _plain_words(annotation: ast.expr | None) -> str:
    """Turn an annotation into what a person would say."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{_plain_words(left)} or {_plain_words(right)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            choices = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return "one of " + ", ".join(str(c.value) for c in choices if isinstance(c, ast.Constant))
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return f"a list, each {_plain_words(inner)}"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, inner])):
            return f"a mapping of names, each to {_plain_words(inner)}"
        case ast.Name(id=name):
            return WORDS.get(name, name)
        case ast.Constant(value=None):
            return "null"
    return ast.unparse(annotation) if annotation else "something else"


def _shown(value: object) -> str:
    return "null" if value is None else f"{value!r:.80}"
