"""Next-token training on rows that hold several documents, each as if it had the row to itself."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fsqa.errors import InputError
from fsqa.objective.causal_module import CausalModule
from fsqa.types import Batch, Role


class PackedModule(CausalModule):
    """Trains a causal language model on blocks whose documents begin with the role OPENING.

    A token attends to the tokens before it in its own document, and positions count from the document's first token.
    What opens a document is no target, whatever the loss, so nothing is learned across documents either.
    """

    def _forward(self, ids: Tensor, roles: Tensor) -> Tensor:
        # The mask must be a float that is added: GPT-Neo and GPT-J take a boolean one without a word and go wrong. And
        # with the cache on, or without a mask, several architectures fall back to plain causal attention.
        documents = packed_documents(roles)
        logits: Tensor = self.model(
            input_ids=ids,
            attention_mask=isolating_mask(documents, self.model.dtype),
            position_ids=document_positions(roles),
            use_cache=False,
        ).logits
        return logits

    def _layout(self, batch: Batch) -> None:
        """Leave blocks as they are: they are full, and a document in them begins after the first place."""

    def compare_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits of the chosen targets in their blocks, and with each document in a row of its own."""
        chosen = self.loss.weigh(batch)[:, 1:] != 0
        ours = self.logits(batch, chosen)
        targets = torch.nn.functional.pad(chosen, (1, 0))
        documents, positions = packed_documents(batch.roles), document_positions(batch.roles)
        sizes = documents.amax(dim=1) + 1
        _, apart = torch.unique(documents + (sizes.cumsum(0) - sizes)[:, None], return_inverse=True)
        ids = batch.ids.new_zeros(int(apart.max()) + 1, int(positions.max()) + 1)
        ids[apart, positions] = batch.ids
        roles = torch.full_like(ids, int(Role.PAD))
        roles[apart, positions] = batch.roles
        full = super()._forward(ids, roles)
        return ours, full[apart[targets], positions[targets] - 1]


def packed_documents(roles: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """Return the number of each token's document in its row, from 0 or 1; filler at the end goes with the last."""
    return (roles == Role.OPENING).cumsum(dim=1)


def document_positions(roles: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """Return each token's place in its document, from 0."""
    places = torch.arange(roles.shape[1], device=roles.device).expand_as(roles)
    openings = torch.where(roles == Role.OPENING, places, 0)
    return places - openings.cummax(dim=1).values


def isolating_mask(documents: Int[Tensor, "batch time"], dtype: torch.dtype) -> Float[Tensor, "batch 1 time time"]:
    """Return what is added to attention scores: 0 where a token may look, the lowest number elsewhere."""
    time = documents.shape[1]
    same = documents[:, :, None] == documents[:, None, :]
    earlier = torch.ones(time, time, dtype=torch.bool, device=documents.device).tril()
    mask = torch.full(same.shape, torch.finfo(dtype).min, dtype=dtype, device=documents.device)
    return mask.masked_fill(same & earlier, 0.0)[:, None]


def check_isolates(model: Any, max_length: int) -> None:
    """Raise InputError for an architecture that cannot keep the documents of a block apart."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    kind, config = base.config.model_type, base.config
    advice = "set objective.isolated=false, or take another model"
    if "position_ids" not in inspect.signature(base.forward).parameters or getattr(config, "alibi", False):
        raise InputError(
            f"objective.isolated: {kind} takes no position for each token (its attention goes by the distance in the "
            f"whole row, or it has none), so documents in one block cannot be kept apart; {advice}"
        )
    window = getattr(config, "sliding_window", None)
    if window is not None and window < max_length and getattr(config, "use_sliding_window", True):
        raise InputError(
            f"objective.isolated: {kind} looks back {window} tokens only, and a mask that keeps documents apart would "
            f"undo that in rows of max_length={max_length}; set max_length={window} or less, or {advice}"
        )
