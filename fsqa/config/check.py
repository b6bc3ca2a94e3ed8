"""Whether a composed config can work, told before anything heavy loads."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from fsqa.config.settings import Settings
from fsqa.config.signature import mismatch, signature
from fsqa.errors import InputError, did_you_mean

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
    "trainer",
    "callbacks",
    "logger",
)
"""Config groups that every run composes."""

SETTINGS = "fsqa.config.settings.Settings"


def check_config(cfg: DictConfig) -> dict[str, Any]:
    """Return the resolved config as plain values, or raise InputError for the first key that cannot work.

    Checked are missing values, interpolations, names and types of every key against the signature of the class
    that takes it, the packages that targets come from, and what is known not to work together.
    """
    for name in sorted(OmegaConf.missing_keys(cfg)):
        raise InputError(f"{name}: a value is wanted and none was given; set {name}=...")
    try:
        plain: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    except (InterpolationKeyError, OmegaConfBaseException) as error:
        raise InputError(f"config: {str(error).splitlines()[0]}") from None
    _check_top_level(plain)
    settings = {name: plain[name] for name in Settings.__dataclass_fields__}
    _check_arguments("", settings, SETTINGS)
    Settings(**settings)
    check_node("", plain, settings["allow"])
    _check_together(plain)
    return plain


def check_node(path: str, node: object, allow: list[str]) -> None:
    """Check every target at or below a plain config node: where it comes from, and what it is given."""
    for where, target in _targets(node, path):
        _check_target(f"{where}._target_", target["_target_"], allow)
        _check_arguments(where, target, target["_target_"])


def _check_top_level(plain: Mapping[str, Any]) -> None:
    known = {*Settings.__dataclass_fields__, *GROUPS}
    for name in plain:
        if name not in known:
            raise InputError(f"{name}: no such top-level key{did_you_mean(name, known)}; see fsqa train --help")
    for name in sorted(known - set(plain)):
        raise InputError(f"{name}: nothing was chosen; take one of its options, as in {name}=...")


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
            wanted = ast.unparse(annotation) if annotation else "something else"
            raise InputError(f"{prefix}{name}: wanted {_plain_words(wanted)}, got {type(value).__name__} {value!r}")


def _plain_words(annotation: str) -> str:
    """Turn an annotation into what a person would write."""
    return annotation.replace("Literal[", "one of [").replace(" | ", " or ")


def _check_together(plain: Mapping[str, Any]) -> None:
    trainer = plain.get("trainer", {})
    precision, accelerator = str(trainer.get("precision")), trainer.get("accelerator")
    if precision.startswith("16") and accelerator == "cpu":
        raise InputError(
            f"trainer.precision={precision}: on a CPU it would silently become bfloat16 or turn to NaN; "
            "take bf16-mixed or 32-true"
        )
    if precision == "16-mixed" and trainer.get("gradient_clip_val") and plain["optimizer"].get("fused"):
        raise InputError(
            "optimizer.fused=true cannot clip float16 gradients, which are still scaled when it sees them; "
            "set optimizer.fused=false, or trainer.gradient_clip_val=null, or take bf16-mixed"
        )
    if trainer.get("devices") not in (1, "1") or trainer.get("num_nodes", 1) != 1:
        raise InputError(
            f"trainer.devices={trainer.get('devices')}: a run trains on one device as yet; set trainer.devices=1 and "
            "give each device runs of its own"
        )
    if trainer and trainer.get("max_steps") in (-1, None) and trainer.get("max_epochs") in (-1, None):
        raise InputError("trainer: training would never end; set trainer.max_steps or trainer.max_epochs")
