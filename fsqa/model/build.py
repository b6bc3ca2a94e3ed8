"""Making a language model from its config, and the last touches every model gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsqa.errors import InputError, did_you_mean
from fsqa.model.source import Wanted


def architecture_config(architecture: str, size: Mapping[str, Any]) -> Any:
    """Return the transformers config of a named architecture with some sizes set.

    Unknown architectures and sizes are InputErrors with the nearest right name.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CONFIG_MAPPING, AutoConfig

    if architecture not in CONFIG_MAPPING:
        near = did_you_mean(architecture, CONFIG_MAPPING)
        raise InputError(f"model.architecture: no architecture named '{architecture}' in transformers{near}")
    known = set(CONFIG_MAPPING[architecture]().to_dict()) | set(CONFIG_MAPPING[architecture].attribute_map)
    for name in size:
        if name not in known:
            raise InputError(f"model.size.{name}: {architecture} has no such setting{did_you_mean(name, known)}")
    try:
        return AutoConfig.for_model(architecture, **size)
    except (ValueError, TypeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"model.size: {architecture} refuses these sizes: {reason}") from None


def auto_class(wanted: Wanted) -> Any:
    """Return the Auto class of transformers that makes the wanted kind of model."""
    import transformers

    return getattr(transformers, wanted.model_class)


def random_model(config: Any, seed: int, dtype: str, attention: str | None, wanted: Wanted) -> Any:
    """Return a randomly initialised model; the seed alone decides its weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return auto_class(wanted).from_config(config, dtype=torch_dtype(dtype), attn_implementation=attention)
        except (ValueError, ImportError) as error:
            raise InputError(f"model: {config.model_type} cannot be made so: {' '.join(str(error).split())}") from None


def finish_model(model: Any, tokenizer: Any, max_length: int, gradient_checkpointing: bool) -> Any:
    """Check that tokenizer and lengths fit, and tie the end token into the model's generation settings."""
    from transformers import GenerationConfig

    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise InputError(
            f"model: the tokenizer has {len(tokenizer)} tokens but the model's embedding {rows} rows; "
            "use the tokenizer the model was made with"
        )
    positions = getattr(model.config, "max_position_embeddings", None) or max_length
    if max_length > positions:
        raise InputError(f"max_length={max_length} is more than the model's {positions} positions; lower max_length")
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=pad
    )
    if gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    return model.train()  # transformers loads in eval mode, and the Trainer leaves the mode as it is


def torch_dtype(name: str) -> Any:
    """Turn ``float32``, ``bfloat16`` or ``float16`` into the torch dtype."""
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise InputError(f"model.dtype: wanted one of {', '.join(known)}, got '{name}'{did_you_mean(name, known)}")
    return known[name]
