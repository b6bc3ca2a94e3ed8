"""Which of the exact shortcuts a run takes."""

from __future__ import annotations

from dataclasses import dataclass

from fsqa.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The shortcuts of a run, each by itself; a shortcut that a model or a device has no use for is not taken."""

    fused_activations: bool
    """Whether an activation that transformers spells out in many steps is one kernel (GPT-2's GELU)."""
    gradient_buffers: bool
    """Whether gradients of large weights are written into memory that is kept (CPU, one process)."""
    folded_clipping: bool
    """Whether a fused optimizer scales gradients as it reads them, in place of a pass over all of them before."""
    last_block_at_targets: bool
    """Whether the feed-forward part of the last block runs only at positions that count under the loss."""
    padding_free: bool
    """Whether a batch with much filler is laid end to end, rows that begin alike sharing their beginning."""
    chunk_megabytes: float | None
    """Most memory for the logits that are scored at once; None: all of them, whatever it takes."""
    matrix_route: bool
    """Whether float32 products take the library that is measured to be the faster of two exact ones (CPU)."""
    kept_memory: bool
    """Whether the allocator keeps what was freed, in place of giving it back and clearing it anew (glibc)."""

    def __post_init__(self) -> None:
        if self.chunk_megabytes is not None and not self.chunk_megabytes > 0:
            raise InputError(f"speed.chunk_megabytes: wanted more than 0, or null, got {self.chunk_megabytes}")


PLAIN = Speed(
    fused_activations=False,
    gradient_buffers=False,
    folded_clipping=False,
    last_block_at_targets=False,
    padding_free=False,
    chunk_megabytes=None,
    matrix_route=False,
    kept_memory=False,
)
"""Nothing but what torch, Lightning and transformers do by themselves."""
