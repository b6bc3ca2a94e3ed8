"""Which modules of a model get adapters."""

from __future__ import annotations

from typing import Any

from fsqa.errors import InputError, did_you_mean

ALL_LINEAR = "all-linear"


def chosen_targets(model: Any, targets: list[str] | str | None) -> list[str] | str:
    """Return what peft is to adapt: names of modules, or ``all-linear``.

    None takes peft's own table (the attention's query and value, in most architectures), and ``all-linear`` where the
    table does not know the architecture. Raises InputError for a name that is no module of the model, and for one
    that adapts a tied embedding or head.
    """
    if targets is None:
        from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

        return TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(model.config.model_type, ALL_LINEAR)
    if isinstance(targets, str):
        return targets
    adaptable = dict(adaptable_modules(model))
    tied = tied_modules(model)
    for target in targets:
        matched = [module for name, module in adaptable.items() if f".{name}".endswith(f".{target}")]
        if not matched:
            known = sorted({name.rpartition(".")[2] for name in adaptable})
            raise InputError(
                f"tuning.targets: {type(model).__name__} has no module '{target}'{did_you_mean(target, known)}; "
                f"its modules are {', '.join(known)}"
            )
        if any(module is shared for module in matched for shared in tied):
            raise InputError(
                f"tuning.targets: '{target}' shares its weight with the "
                f"{'head' if any(module is tied[0] for module in matched) else 'embedding'}, and an adapter merged "
                "into it would change both; leave it out, and set tuning.train_head=true to train it whole"
            )
    return targets


def adaptable_modules(model: Any) -> list[tuple[str, Any]]:
    """List the modules that may have an adapter, by their names."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    # Quantised layers are subclasses of nn.Linear.
    kinds = (nn.Linear, nn.Embedding, Conv1D)
    return [(name, module) for name, module in model.named_modules() if isinstance(module, kinds)]


def transposed(model: Any, targets: list[str] | str) -> bool:
    """Say whether the targets hold their weights as inputs x outputs (GPT-2's Conv1D) instead of the reverse."""
    from transformers.pytorch_utils import Conv1D

    return any(
        isinstance(module, Conv1D)
        for name, module in adaptable_modules(model)
        if targets == ALL_LINEAR or f".{name}".endswith(tuple(f".{target}" for target in targets))
    )


def head_name(model: Any) -> str | None:
    """Return the dotted name of the projection to the vocabulary, or None for a model without one."""
    head = model.get_output_embeddings()
    return next((name for name, module in model.named_modules() if module is head), None) if head else None


def tied_modules(model: Any) -> tuple[Any, ...]:
    """Return the embedding and the head if they share one weight, else nothing."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    return (embedding, head) if head is not None and head.weight is embedding.weight else ()
