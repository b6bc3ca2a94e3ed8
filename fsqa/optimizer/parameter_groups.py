"""Parameters that share a learning rate and a weight decay: any optimizer takes them in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsqa.errors import InputError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


@dataclass(frozen=True, kw_only=True)
class ParameterGroups:
    """Which parameters of a model learn with less than the optimizer's own learning rate and weight decay."""

    decay_norms_and_biases: bool
    """Whether weight decay pulls on norms and on parameters of one dimension too; embeddings decay in any case."""
    layer_decay: float | None
    """Factor on the learning rate for every block further from the head; None: all learn alike."""

    def __post_init__(self) -> None:
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise InputError(
                f"optimizer.params.layer_decay: wanted a factor above 0, at most 1, or null, got {self.layer_decay}"
            )

    def __call__(self, model: nn.Module) -> list[dict[str, Any]]:
        """Return every trainable parameter once, in groups from the head down, as torch's optimizers take them.

        A group that does not decay has ``weight_decay`` 0. ``rate`` is the group's factor on the learning rate.
        """
        spared = set() if self.decay_norms_and_biases else set(_norms_and_biases(model))
        depths = self._depths(model)
        groups: dict[tuple[int, bool], dict[str, Any]] = {}
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            below = max(depths.values()) - depths[name] if depths else 0
            group = groups.setdefault(
                (below, name in spared), {"params": [], "rate": (self.layer_decay or 1.0) ** below}
            )
            group["params"].append(parameter)
            if name in spared:
                group["weight_decay"] = 0.0
        return [groups[key] for key in sorted(groups)]

    def _depths(self, model: nn.Module) -> dict[str, int]:
        if self.layer_decay is None:
            return {}
        from fsqa.model.depth import depth_of

        return depth_of(model)


@dataclass(frozen=True)
class GroupedOptimizer:
    """An optimizer of any package, made with the parameters of a model in groups."""

    make: Callable[..., Optimizer]
    """Takes the groups; everything else it already knows."""
    groups: ParameterGroups

    def __call__(self, model: nn.Module) -> Optimizer:
        """Return the optimizer over what is trainable in ``model``."""
        groups = self.groups(model)
        rates = [group.pop("rate") for group in groups]
        optimizer = self.make(groups)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = group["lr"] * rate
        return optimizer


def _norms_and_biases(model: nn.Module) -> Iterator[str]:
    """Yield the names of all parameters of norms, and of those with at most one dimension."""
    for place, module in model.named_modules():
        is_norm = "norm" in type(module).__name__.lower()
        for name, parameter in module.named_parameters(recurse=False):
            if is_norm or parameter.ndim <= 1:
                yield f"{place}.{name}" if place else name
