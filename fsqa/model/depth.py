"""How deep in a model a weight lies: the same count for every architecture, with adapters or without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from fsqa.errors import InputError

BEFORE_THE_BLOCKS = ("embed", "project_in")
"""Parts of names of modules between ids and the first block that hold no embedding themselves: norms, projections."""


def blocks(model: Any) -> nn.ModuleList:
    """Return the stack of equal blocks that makes up the body of a Hugging Face model.

    Raises InputError for a model without one.
    """
    return _stack(model)[1]


def is_compiled(model: nn.Module) -> bool:
    """Say whether a part of a model goes through torch.compile."""
    return any(module._compiled_call_impl is not None for module in model.modules())


def depth_of(model: Any) -> dict[str, int]:
    """Return the depth of every parameter by its name.

    Embeddings and what belongs to them have 0, the blocks 1, 2, ..., and all that comes after them (last norm, head)
    one more than the last block. A head tied to the embedding goes by the embedding's name and has 0.
    """
    stack_name, stack = _stack(model)
    embedding_places = tuple(_embedding_places(model, stack_name))
    head = _output_head(model)
    depths = {}
    for name, parameter in model.named_parameters():
        if name.startswith(f"{stack_name}."):
            depths[name] = int(name.removeprefix(f"{stack_name}.").partition(".")[0]) + 1
        elif name.startswith(embedding_places):
            depths[name] = 0
        elif any(parameter is weight for weight in head):
            depths[name] = len(stack) + 1
        else:
            depths[name] = 0 if any(part in name for part in BEFORE_THE_BLOCKS) else len(stack) + 1
    return depths


def _stack(model: Any) -> tuple[str, nn.ModuleList]:
    """Return the largest of the outermost module lists, with its name; lists inside a block are experts or the like."""
    found = {name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList) and module}
    outermost = [name for name in found if not any(name.startswith(f"{other}.") for other in found)]
    if not outermost:
        raise InputError(f"model: no stack of blocks in {type(model).__name__}; layers cannot be counted in it")
    name = max(outermost, key=lambda name: sum(p.numel() for p in found[name].parameters()))
    return name, found[name]


def _embedding_places(model: Any, stack_name: str) -> Iterator[str]:
    """Yield the names of the largest modules that hold an embedding but not the blocks, with a dot behind."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and not name.startswith(f"{stack_name}."):
            parts = name.split(".")
            places = (".".join(parts[:i]) + "." for i in range(1, len(parts) + 1))
            yield next(place for place in places if not f"{stack_name}.".startswith(place))


def _output_head(model: Any) -> list[nn.Parameter]:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    return [] if head is None else list(head.parameters())
