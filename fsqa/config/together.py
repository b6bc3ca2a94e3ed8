"""Whether the values of a config work together: what no single key can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsqa.errors import InputError, did_you_mean

OWN_CALLBACKS = {"best", "answers", "history", "progress", "early_stopping"}
SCORED = ("val/answer_nll", "val/token_accuracy")
"""What every validation logs."""
ANSWERED = ("val/exact_match", "val/f1", "val/stop_rate", "val/answer_length")
"""What callbacks.answers adds."""


def check_together(plain: Mapping[str, Any]) -> None:
    """Raise InputError for the first combination of values that is known not to work."""
    _check_precision(plain["trainer"], plain["optimizer"])
    _check_devices(plain["trainer"])
    _check_length(plain["trainer"])
    _check_callbacks(plain["callbacks"])
    check_room(plain["generation"], plain["max_length"])


def check_room(generation: Mapping[str, Any], max_length: int) -> None:
    """Raise InputError when answers may be so long that no room is left for a question."""
    most = generation.get("max_new_tokens")
    if isinstance(most, int) and most >= max_length:
        raise InputError(
            f"generation.max_new_tokens={most} leaves no room for a question in max_length={max_length}; "
            "lower it or raise max_length"
        )


def _check_devices(trainer: Mapping[str, Any]) -> None:
    if trainer.get("devices") not in (1, "1") or trainer.get("num_nodes", 1) != 1:
        raise InputError(
            f"trainer.devices={trainer.get('devices')}: a run trains on one device as yet; set trainer.devices=1 and "
            "give each device runs of its own"
        )


def _check_precision(trainer: Mapping[str, Any], optimizer: Mapping[str, Any]) -> None:
    precision = str(trainer.get("precision"))
    if precision.startswith("16") and trainer.get("accelerator") == "cpu":
        raise InputError(
            f"trainer.precision={precision}: on a CPU it would silently become bfloat16 or turn to NaN; "
            "take bf16-mixed or 32-true"
        )
    clip = trainer.get("gradient_clip_val")
    if precision == "16-mixed" and clip is not None and optimizer.get("fused"):
        raise InputError(
            "optimizer.fused=true cannot clip float16 gradients, which are still scaled when it sees them; "
            "set optimizer.fused=false, or trainer.gradient_clip_val=null, or take bf16-mixed"
        )
    if clip is not None and not (isinstance(clip, int | float) and clip > 0):
        raise InputError(f"trainer.gradient_clip_val: wanted a number above 0, or null for none, got {clip!r}")


def _check_length(trainer: Mapping[str, Any]) -> None:
    steps, epochs = trainer.get("max_steps"), trainer.get("max_epochs")
    interval: Any = trainer.get("val_check_interval")
    for name, value in (("max_steps", steps), ("max_epochs", epochs)):
        if not _endless(value) and not _counts(value):
            raise InputError(f"trainer.{name}: wanted 1 or more, or -1 for no limit, got {value!r}")
    if _endless(steps) and _endless(epochs):
        raise InputError("trainer: training would never end; set trainer.max_steps or trainer.max_epochs")
    if not _counts(interval):
        raise InputError(
            f"trainer.val_check_interval: wanted a whole number of optimizer steps, 1 or more, got {interval!r}"
        )


def _endless(limit: object) -> bool:
    return limit is None or limit == -1


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_callbacks(callbacks: Mapping[str, Any]) -> None:
    for name in ("best", "history"):
        if callbacks.get(name) is None:
            raise InputError(f"callbacks.{name}: every run needs it, and it is not there; take callbacks=default")
    if not {name for name, node in callbacks.items() if node is not None} <= OWN_CALLBACKS:
        return  # a callback of the user's own may log what it likes
    logged = [*SCORED, *(ANSWERED if callbacks.get("answers") else ())]
    for name in ("best", "early_stopping"):
        if callbacks.get(name) is None:
            continue
        monitor = callbacks[name].get("monitor")
        if monitor not in logged:
            raise InputError(
                f"callbacks.{name}.monitor: nothing logs {monitor!r}{did_you_mean(str(monitor), logged)}; "
                f"take one of {', '.join(logged)}"
            )
