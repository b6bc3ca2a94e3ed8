"""How much memory a training will take, told before its first step from one pass over the worst batch."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fsqa.memory import held_bytes, peak_within
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Batch

PROBE = (512, 512)
"""Shape of the weight on which an optimizer shows what it keeps; large enough for those that quantise."""


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """The most memory that a training holds at once and what it is made of, in MB."""

    weights: float
    gradients: float
    """Those of the last step are there until the next forward pass is over."""
    optimizer: float
    """What it keeps for every trainable weight."""
    activations: float
    """What the forward pass keeps for the backward pass, and passing results, without logits."""
    logits: float
    """Everything that is as wide as the vocabulary."""
    process: float
    """Python, its libraries, and room that the allocator cannot use between tensors; on a GPU what else lies there."""

    @property
    def total(self) -> float:
        """The peak."""
        return sum(asdict(self).values())


MATRIX_PRODUCTS: Mapping[Any, Callable[..., tuple[int, ...]]] = {
    torch.ops.aten.mm.default: lambda a, b: (a.shape[0], b.shape[1]),
    torch.ops.aten.mm.out: lambda a, b: (a.shape[0], b.shape[1]),
    torch.ops.aten.addmm.default: lambda _, a, b: (a.shape[0], b.shape[1]),
    torch.ops.aten.bmm.default: lambda a, b: (*a.shape[:2], b.shape[2]),
    torch.ops.aten.baddbmm.default: lambda _, a, b: (*a.shape[:2], b.shape[2]),
}
"""The operations that take nearly all the time of a pass, and the shapes of their results."""


class LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows how many bytes of tensors that came to be under it are alive, and how many there were at most.

    ``wide`` is the width of logits: what has it as its last dimension is counted apart. With ``skips_products`` matrix
    products on a CPU are zeros of the right shape: sizes are asked for, not values.
    """

    def __init__(self, wide: int, held: int = 0, skips_products: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wide, self._known, self._skips_products = wide, set[int](), skips_products
        self.live, self.live_logits, self.held = 0, 0, held
        self.peak, self.peak_logits, self.own_peak = held, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and look at what is new."""
        for tensor in _arguments(args, kwargs or {}):
            self._known.add(tensor.untyped_storage()._cdata)  # was there before, or is followed already
        result = self._result(func, args, kwargs or {})
        for tensor in _arguments((result,), {}):
            self._follow(tensor)
        self.own_peak = max(self.own_peak, self.live)
        if self.live + self.held > self.peak:
            self.peak, self.peak_logits = self.live + self.held, self.live_logits
        return result

    def _result(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run the operation, or leave zeros where its result would be; they fill their memory as that would."""
        if not self._skips_products or func not in MATRIX_PRODUCTS or args[-1].device.type != "cpu":
            return func(*args, **kwargs)
        if "out" in kwargs:
            return kwargs["out"].zero_()
        return args[-1].new_zeros(MATRIX_PRODUCTS[func](*args))

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        logits = size if tensor.dim() and tensor.shape[-1] == self._wide else 0
        self._known.add(key)
        self.live += size
        self.live_logits += logits
        weakref.finalize(storage, self._forget, key, size, logits)

    def _forget(self, key: int, size: int, logits: int) -> None:
        self._known.discard(key)
        self.live -= size
        self.live_logits -= logits


def estimate_memory(
    objective: ObjectiveModule,
    optimizer: torch.optim.Optimizer,
    *,
    training: Batch,
    scoring: Batch | None,
    accumulates: bool,
    forward_context: AbstractContextManager[Any],
) -> MemoryEstimate:
    """Estimate the peak from the largest micro-batch of training and of validation.

    The peak is the largest of a training pass, a validation, and an optimizer step. ``accumulates`` says whether a
    step has several micro-batches. Weights, random state and mode stay as they were; there are no gradients
    afterwards.
    """
    trainable = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    gradients = sum(_bytes(parameter) for parameter in trainable)
    state, passing = _optimizer_bytes(optimizer, trainable)
    process = held_bytes() - _size_of(objective)  # now that even the optimizer has loaded what it needs
    # Of a step, whose passing results come when the activations are gone.
    phases = [(gradients + passing, 0)]
    wide = objective.model.config.vocab_size
    with _undisturbed(objective), forward_context:
        if accumulates:  # gradients are there all the time, and new ones are added to them
            for parameter in trainable:
                parameter.grad = torch.zeros_like(parameter)
        with peak_within() as peak_bytes:
            live = _training_pass(objective, training, wide, gradients, accumulates)
            process += max(0, int(peak_bytes()) - live.own_peak)
        phases.append((live.peak, live.peak_logits))
        if scoring is not None:
            phases.append(_scoring_pass(objective, scoring, wide, gradients))
    peak, logits = max(phases)
    return MemoryEstimate(
        weights=_size_of(objective) / 1e6,
        gradients=gradients / 1e6,
        optimizer=state / 1e6,
        activations=max(0, peak - gradients - logits) / 1e6,
        logits=logits / 1e6,
        process=max(0, process) / 1e6,
    )


def _training_pass(
    objective: ObjectiveModule, batch: Batch, wide: int, gradients: int, accumulates: bool
) -> LiveTensors:
    """Follow a forward and a backward pass, with the gradients of the last step where they are still there."""
    objective.train()
    with LiveTensors(wide, held=gradients, skips_products=True) as live:
        loss = objective.weighted_loss(batch).loss
        if not accumulates:
            live.held = 0  # Lightning drops the old ones between the passes
        torch.autograd.backward(loss)
    return live


@torch.no_grad()
def _scoring_pass(objective: ObjectiveModule, batch: Batch, wide: int, gradients: int) -> tuple[int, int]:
    objective.eval()
    with LiveTensors(wide, held=gradients, skips_products=True) as live:
        objective.score_answers(batch)
    return live.peak, live.peak_logits


@contextmanager
def _undisturbed(objective: ObjectiveModule) -> Iterator[None]:
    """Leave mode and random state as they are, and no gradients."""
    modes = [(module, module.training) for module in objective.modules()]
    devices = [objective.device] if objective.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            objective.zero_grad(set_to_none=True)
            for module, training in modes:
                module.training = training


def _optimizer_bytes(optimizer: torch.optim.Optimizer, trainable: list[nn.Parameter]) -> tuple[int, int]:
    """Return the bytes an optimizer keeps for these weights, and those that pass through memory in a step.

    A small weight shows how many bytes each element takes.
    """
    first = trainable[0]
    with torch.random.fork_rng(devices=[first.device] if first.device.type == "cuda" else []):
        probe = nn.Parameter(torch.full(PROBE, 1e-3, dtype=first.dtype, device=first.device))
    trial = object.__new__(type(optimizer))
    trial.__dict__.update(optimizer.__dict__)  # a copy would lose what bitsandbytes keeps beside torch
    trial.state = defaultdict(dict)
    trial.param_groups = [{**optimizer.param_groups[0], "params": [probe]}]
    step = type(optimizer).step
    for _ in range(2):  # the first makes the state
        probe.grad = torch.full_like(probe, 1e-3)
        with LiveTensors(wide=0) as live:
            step(trial)
    kept = sum(_storages(_tensors(dict(trial.state))).values())
    share = sum(parameter.numel() for parameter in trainable) / probe.numel()
    return int(kept * share), int(live.peak * share)


def _size_of(module: nn.Module) -> int:
    """Return the bytes of all weights and buffers, shared ones once, with the scales of quantised ones."""
    tensors = [*module.parameters(), *module.buffers()]
    states = [getattr(tensor, "quant_state", None) for tensor in tensors]
    scales = [tensor for state in states if state is not None for tensor in _tensors(vars(state))]
    return sum(_storages([*tensors, *scales]).values())


def _storages(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Return the bytes of every piece of memory that tensors lie in, by its address."""
    return {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _arguments(args: Iterable[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors that an operation is given: by themselves or in lists, as is quicker found than in any tree."""
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, Tensor):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from (part for part in argument if isinstance(part, Tensor))


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))
