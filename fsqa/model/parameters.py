"""How many parameters a model has, how many of them learn, and where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from fsqa.model.depth import depth_of

PARTS = ("embeddings", "positions", "attention", "feed-forward", "norms", "head", "adapters")
"""Parts of a model, the same for every architecture, in the order in which they are listed."""
ADAPTER_WORDS = ("lora_", "trainable_tokens_")
POSITION_WORDS = ("position", "wpe")


@dataclass(frozen=True)
class Count:
    """Parameters of a model or of a part of it."""

    total: int
    trainable: int


def count_parameters(model: Any) -> dict[str, Count]:
    """Return the parameters of every part that the model has; their sums are the model's.

    Tied weights are counted once, where they are an embedding; weights held in 4 bits count each.
    """
    totals, trainable = Counter[str](), Counter[str]()
    depths = depth_of(model)
    for name, parameter in distinct_parameters(model):
        part = part_of(model, name, depths[name], max(depths.values()))
        totals[part] += true_size(parameter)
        trainable[part] += true_size(parameter) if parameter.requires_grad else 0
    return {part: Count(totals[part], trainable[part]) for part in PARTS if totals[part]}


def sum_of(counts: Mapping[str, Count]) -> Count:
    """Return the parameters of all parts together."""
    return Count(sum(count.total for count in counts.values()), sum(count.trainable for count in counts.values()))


def distinct_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield every parameter once, also where two of them share their memory."""
    seen = set()
    for name, parameter in model.named_parameters():
        has_no_place = parameter.device.type == "meta" or isinstance(parameter, DTensor)
        memory = 0 if has_no_place else parameter.untyped_storage().data_ptr()
        place = (memory, parameter.storage_offset()) if memory else (id(parameter), 0)
        if place not in seen:
            seen.add(place)
            yield name, parameter


def true_size(parameter: Tensor) -> int:
    """Return the number of weights; of those that are packed, how many there were before."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else int(state.shape.numel())


def part_of(model: Any, name: str, depth: int, deepest: int) -> str:
    """Return which of :data:`PARTS` a parameter belongs to, from where it lies and the kind of its module."""
    *path, _ = name.split(".")
    kinds = [type(model.get_submodule(".".join(path[: i + 1]))).__name__ for i in range(len(path))]
    if any(word in name for word in ADAPTER_WORDS):
        return "adapters"
    if any("Norm" in kind for kind in kinds):
        return "norms"
    if depth == 0:
        return "positions" if any(word in name for word in POSITION_WORDS) else "embeddings"
    if depth == deepest:
        return "head"
    return "attention" if "attn" in name.lower() or "attention" in name.lower() else "feed-forward"
