"""Where the tokens of a batch stand when its rows are laid end to end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from fsqa.types import Role


@dataclass(frozen=True, eq=False)
class FlatLayout:
    """Where the tokens of a padded batch stand when they are laid end to end, each distinct beginning once."""

    ids: Int[Tensor, "1 token"]
    positions: Int[Tensor, "1 token"]
    """Each token's place in its own row, from 0."""
    padded: Int[Tensor, "batch time"]
    """For each place of the padded batch the flat token that stands there; 0 for filler."""
    place: Int[Tensor, " token"]
    """For each flat token one place where it stands in the padded batch, as b * time + t."""
    shared: bool
    """Whether a token stands for several rows, so that a row's tokens need not follow each other."""

    @property
    def tokens(self) -> int:
        """How many tokens the body of the model computes."""
        return len(self.place)

    @property
    def dense(self) -> bool:
        """Whether the padded batch holds nothing but these tokens, in this order."""
        return self.tokens == self.padded.numel()

    @cached_property
    def later(self) -> Float[Tensor, "time time"]:
        """What is added to the attention scores of a row: minus infinity where the key comes after the query."""
        time = self.padded.shape[1]
        return torch.full((time, time), -torch.inf, device=self.padded.device).triu_(1)

    def at(self, chosen: Bool[Tensor, "batch time"]) -> Bool[Tensor, "1 token"]:
        """Say which flat tokens stand at the chosen places of the padded batch."""
        tokens = torch.zeros(1, self.tokens, dtype=torch.bool, device=chosen.device)
        tokens[0, self.padded[chosen]] = True
        return tokens

    def to(self, device: torch.device) -> FlatLayout:
        """Return the layout on a device."""
        tensors = {name: getattr(self, name).to(device) for name in ("ids", "positions", "padded", "place")}
        return FlatLayout(**tensors, shared=self.shared)


def flat_layout(ids: Int[Tensor, "batch time"], roles: Int[Tensor, "batch time"], *, share: bool) -> FlatLayout:
    """Lay the tokens whose role is not PAD end to end; ``share`` keeps equal beginnings of rows only once.

    Sharing is exact as long as nothing is drawn for each token: no dropout. Filler stands at the end of a
    row. The layout is made on the CPU and returned on the device of ``ids``.
    """
    tokens, real = ids.cpu().numpy(), roles.cpu().numpy() != Role.PAD
    padded, first = _trie(tokens, real) if share else _apart(real)
    shared = int(first.sum()) < int(real.sum())
    if share and not shared:
        padded, first = _apart(real)
    place = np.empty(int(first.sum()), np.int64)
    place[padded[first]] = np.flatnonzero(first)
    layout = FlatLayout(
        ids=torch.from_numpy(tokens.reshape(-1)[place][None]),
        positions=torch.from_numpy((place % real.shape[1])[None]),
        padded=torch.from_numpy(padded),
        place=torch.from_numpy(place),
        shared=shared,
    )
    return layout if ids.device.type == "cpu" else layout.to(ids.device)


def _apart(real: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a number for every place, row by row, and at which places a new token stands: all real ones."""
    numbers = np.cumsum(real, dtype=np.int64).reshape(real.shape) - 1
    return np.where(real, numbers, 0), real


def _trie(tokens: NDArray[np.int64], real: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of the beginning that ends at each place, and at which places it is there for the first time.

    In sorted order, the longest beginning that a row has in common with any row before it is the one that it has in
    common with its neighbour.
    """
    letters = np.where(real, tokens, -1)  # filler may have the id of a real token, and comes before all of them
    order = np.lexsort(letters.T[::-1])
    letters, real = letters[order], real[order]
    known = np.zeros_like(real)
    known[1:] = np.logical_and.accumulate(letters[1:] == letters[:-1], axis=1) & real[1:]
    first = real & ~known
    numbers = np.where(first, np.cumsum(first).reshape(first.shape) - 1, 0)
    numbers = np.maximum.accumulate(numbers, axis=0)  # what is known already was first in a row above, in its column
    back = np.argsort(order)
    return np.where(real, numbers, 0)[back], first[back]
