"""Whether the values of a config work together: what no single key can tell."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from fsqa.config.devices import check_devices
from fsqa.config.instantiate import build
from fsqa.errors import InputError, did_you_mean
from fsqa.metrics.base import Scorer
from fsqa.metrics.catalogue import METRICS, OPTIONS

OWN_CALLBACKS = {"best", "answers", "history", "progress", "early_stopping"}
NO_ANSWERS, TEXT, TAGGED_TEXT = "fsqa.generation.NoAnswers", "fsqa.prompt.Text", "fsqa.prompt.TaggedText"
LANGUAGE_MODEL = "fsqa.objective.language_model.LanguageModel"
SCORED = ("val/answer_nll", "val/token_accuracy")
"""What every validation logs."""
ANSWERED = ("val/exact_match", "val/f1", "val/stop_rate", "val/answer_length")
"""What callbacks.answers adds."""


def check_together(plain: Mapping[str, Any]) -> None:
    """Raise InputError for the first combination of values that is known not to work."""
    _check_precision(plain["trainer"], plain["rehearse"])
    check_devices(plain)
    _check_optimizer(plain["optimizer"])
    _check_length(plain["trainer"])
    _check_answers(plain["generation"], plain["callbacks"])
    _check_callbacks(plain["callbacks"])
    _check_loggers(plain["logger"] or {})
    check_asking(plain)


def check_asking(plain: Mapping[str, Any]) -> None:
    """Raise InputError for a way of answering that does not go with the prompt, or leaves no room for a question."""
    prompt, generation = plain["prompt"], plain["generation"]
    asks = generation.get("_target_") != NO_ANSWERS
    of_text = plain["objective"].get("_target_") == LANGUAGE_MODEL
    if asks and of_text and prompt.get("_target_") == TEXT and prompt.get("beginning") is None:
        raise InputError(
            "generation: objective=language_model can only write on from the beginning of a text, and there is none; "
            "set prompt.beginning, as in \"prompt.beginning='{question} '\", or set generation=none"
        )
    if asks and prompt.get("_target_") == TAGGED_TEXT:
        stop = generation.get("stop")
        if not stop or stop not in prompt["end"]:
            raise InputError(
                f"generation.stop: answers are learned with {prompt['end']!r} behind them, which is plain text and "
                f"would be taken for a part of them; set \"generation.stop='{prompt['end'].strip()}'\""
            )
    if not of_text:  # there max_length is the size of a block, and what is generated may go beyond it
        check_room(generation, plain["max_length"])


def check_room(generation: Mapping[str, Any], max_length: int) -> None:
    """Raise InputError when answers may be so long that no room is left for a question."""
    most = generation.get("max_new_tokens")
    if isinstance(most, int) and most >= max_length:
        raise InputError(
            f"generation.max_new_tokens={most} leaves no room for a question in max_length={max_length}; "
            "lower it or raise max_length"
        )


def _check_precision(trainer: Mapping[str, Any], rehearse: bool) -> None:
    precision = str(trainer.get("precision"))
    if precision.startswith("16") and trainer.get("accelerator") == "cpu" and not rehearse:  # which takes another one
        raise InputError(
            f"trainer.precision={precision}: on a CPU it would silently become bfloat16 or turn to NaN; "
            "take bf16-mixed or 32-true"
        )
    clip = trainer.get("gradient_clip_val")
    if clip is not None and not (isinstance(clip, int | float) and clip > 0):
        raise InputError(f"trainer.gradient_clip_val: wanted a number above 0, or null for none, got {clip!r}")


def _check_optimizer(optimizer: Mapping[str, Any]) -> None:
    package = str(optimizer.get("_target_")).split(".")[0]
    if find_spec(package) is None:
        extra = " (pip install fsqa[quantization])" if package == "bitsandbytes" else ""
        raise InputError(f"optimizer._target_: the package {package} is missing; install it{extra}")
    if "lr" in optimizer and optimizer["lr"] is None:
        raise InputError(
            "optimizer.lr: null leaves the learning rate to the optimizer, and no schedule could scale it; give a "
            "number, or take optimizer=adafactor, whose lr is an upper bound for such a rate"
        )
    if isinstance(groups := optimizer.get("params"), Mapping):
        build(groups)


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


def _check_answers(generation: Mapping[str, Any], callbacks: Mapping[str, Any]) -> None:
    if generation.get("_target_") == NO_ANSWERS and callbacks.get("answers") is not None:
        raise InputError(
            "callbacks.answers: with generation=none there is nothing to ask while training; set "
            "callbacks.answers=null callbacks.best.monitor=val/answer_nll callbacks.best.mode=min, as "
            "experiment=language_model does; to ask questions take generation=greedy"
        )


def _check_callbacks(callbacks: Mapping[str, Any]) -> None:
    for name in ("best", "history"):
        if callbacks.get(name) is None:
            raise InputError(f"callbacks.{name}: every run needs it, and it is not there; take callbacks=default")


def check_monitors(callbacks: Mapping[str, Any], scorers: Mapping[str, Scorer]) -> None:
    """Raise InputError for a monitored figure that no validation can log, with these scorers."""
    if not {name for name, node in callbacks.items() if node is not None} <= OWN_CALLBACKS:
        return  # a callback of the user's own may log what it likes
    logged = [*SCORED, *(ANSWERED if callbacks.get("answers") else ())]
    chosen = {name for scorer in scorers.values() for name in scorer.measures}
    # Which of these there are, the questions decide.
    further = {f"val/{name}" for name in METRICS} if callbacks.get("answers") else set()
    for name in ("best", "early_stopping"):
        if callbacks.get(name) is None:
            continue
        monitor = callbacks[name].get("monitor")
        if monitor not in (*logged, *further):
            raise InputError(
                f"callbacks.{name}.monitor: nothing logs {monitor!r}{did_you_mean(str(monitor), [*logged, *further])}; "
                f"take one of {', '.join(logged)}"
            )
        option = OPTIONS.get(monitor.removeprefix("val/"))
        if option and monitor.removeprefix("val/") not in chosen:
            raise InputError(
                f"callbacks.{name}.monitor: {monitor} comes with metrics={option}, which is not chosen; add it, or "
                f"take one of {', '.join(logged)}"
            )


def _check_loggers(loggers: Mapping[str, Any]) -> None:
    """Find out before anything is computed what would fail every run of a sweep."""
    for node in loggers.values():
        target = node.get("_target_") if isinstance(node, Mapping) else None
        if target == "fsqa.logger.tensorboard.TensorBoardLogger" and find_spec("tensorboard") is None:
            raise InputError("logger=tensorboard: the package is missing; pip install 'fsqa[tensorboard]'")
        if target == "fsqa.logger.wandb.WandbLogger" and node.get("mode") == "online":
            from fsqa.logger.wandb_environment import check_key

            check_key()
