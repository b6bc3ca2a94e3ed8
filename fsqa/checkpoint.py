"""Writing checkpoints straight to the disk."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO


class StreamedCheckpoints(TorchCheckpointIO):
    """Writes tensor by tensor, under another name until the file is whole.

    Lightning's own way builds the whole file in memory first, which takes as much again as weights and optimizer.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write the checkpoint; a full disk is an OSError."""
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        draft = final.with_name(f".{final.name}.tmp")
        try:
            torch.save(checkpoint, draft)
        except RuntimeError as error:
            draft.unlink(missing_ok=True)
            # The only thing that goes wrong in torch's writer is the disk, and it says so in words alone.
            raise OSError(errno.ENOSPC, str(error)) from error
        draft.replace(final)
