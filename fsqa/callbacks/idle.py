"""What Lightning does in every step for nobody, left out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytorch_lightning as pl
from pytorch_lightning.profilers import PassThroughProfiler

STEP_HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)
"""What Lightning calls on every callback in every step."""

NOTHING: AbstractContextManager[None] = nullcontext()


class Unprofiled(PassThroughProfiler):
    """Measures nothing.

    Lightning opens some hundred contexts in a step, and its own profiler that measures nothing makes each one anew.
    """

    def profile(self, action_name: str) -> AbstractContextManager[None]:
        """Return what does nothing, the same for every action."""
        return NOTHING


def without_idle_hooks(callback: pl.Callback) -> pl.Callback:
    """Return the callback itself, with None for the hooks of a step that it leaves as they are.

    Lightning passes over what is not callable, and spends no time on calling what does nothing.
    """
    for name in STEP_HOOKS:
        if getattr(getattr(callback, name), "__func__", None) is getattr(pl.Callback, name):
            setattr(callback, name, None)
    return callback
