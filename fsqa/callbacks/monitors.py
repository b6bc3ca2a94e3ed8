"""What is monitored is there to be monitored, told at the first validation."""

from __future__ import annotations

import pytorch_lightning as pl

from fsqa.errors import InputError


class Monitors(pl.Callback):
    """Refuses a callback that waits for a figure which these questions do not give, such as refusals where none is due.

    It stands before the callbacks that it judges.
    """

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Raise InputError with the figures that there are."""
        logged = sorted(name for name in trainer.callback_metrics if name.startswith("val/"))
        for monitor in (getattr(callback, "monitor", None) for callback in trainer.callbacks):
            if monitor is not None and monitor not in trainer.callback_metrics:
                raise InputError(
                    f"callbacks: the validation questions give no '{monitor}' to monitor; take one of "
                    f"{', '.join(logged)}"
                )
