"""Making a language model from its config, and the last touches every model gets."""

from __future__ import annotations

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

from fsqa.errors import InputError, did_you_mean
from fsqa.model.quantization import kept_as_stored
from fsqa.model.source import Wanted


def architecture_config(architecture: str, size: Mapping[str, Any], key: str = "size") -> Any:
    """Return the transformers config of a named architecture with some sizes set.

    Unknown architectures and sizes are InputErrors with the nearest right name; ``key`` is where the sizes come from.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CONFIG_MAPPING, AutoConfig

    if architecture not in CONFIG_MAPPING:
        near = did_you_mean(architecture, CONFIG_MAPPING)
        raise InputError(f"model.architecture: no architecture named '{architecture}' in transformers{near}")
    known = set(CONFIG_MAPPING[architecture]().to_dict()) | set(CONFIG_MAPPING[architecture].attribute_map)
    for name in size:
        if name not in known:
            raise InputError(f"model.{key}.{name}: {architecture} has no such setting{did_you_mean(name, known)}")
    try:
        return AutoConfig.for_model(architecture, **size)
    except (ValueError, TypeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"model.{key}: {architecture} refuses these sizes: {reason}") from None


def auto_class(wanted: Wanted) -> Any:
    """Return the Auto class of transformers that makes the wanted kind of model."""
    import transformers

    return getattr(transformers, wanted.model_class)


def token_settings(tokenizer: Any, rows: int = 0) -> dict[str, Any]:
    """Return what a config says of its tokenizer; the embedding has a row for every token, and at least ``rows``."""
    return {
        "vocab_size": max(rows, len(tokenizer)),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def random_model(config: Any, seed: int, dtype: str, attention: str | None, wanted: Wanted) -> Any:
    """Return a randomly initialised model; the seed alone decides its weights."""
    import torch

    _check_kind(config, wanted)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model = auto_class(wanted).from_config(config, dtype=torch_dtype(dtype), attn_implementation=attention)
        except (ValueError, ImportError) as error:
            raise InputError(f"model: {config.model_type} cannot be made so: {' '.join(str(error).split())}") from None
    return requantized(model, wanted) if wanted.quantization else model


def _check_kind(config: Any, wanted: Wanted) -> None:
    """Raise InputError when an architecture has no model with the head that the objective needs."""
    if type(config) not in auto_class(wanted)._model_mapping:
        raise InputError(
            f"model: transformers has no {wanted.model_class} of architecture {config.model_type}, and the objective "
            "needs one; choose a model of that kind, or another objective"
        )


def requantized(model: Any, wanted: Wanted) -> Any:
    """Return the same weights in the wanted numbers, by way of a temporary folder: only loading quantises."""
    with TemporaryDirectory(prefix="fsqa-") as folder:
        model.save_pretrained(folder)
        settings = {"dtype": model.dtype, "attn_implementation": model.config._attn_implementation}
        return auto_class(wanted).from_pretrained(folder, **{**settings, **wanted.arguments()})


def make_room(model: Any, tokenizer: Any, added_tokens: list[str], seed: int) -> Any:
    """Give the added tokens rows in the embedding and the head, near the mean of those that are there.

    An embedding with rows to spare keeps its size.
    """
    import torch

    rows = model.get_input_embeddings().num_embeddings
    if rows < len(tokenizer) <= rows + len(added_tokens):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model.resize_token_embeddings(len(tokenizer))
    return model


def finish_model(
    model: Any, tokenizer: Any, max_length: int, *, gradient_checkpointing: bool, compiled: bool = False
) -> Any:
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
    if compiled:
        from fsqa.model.depth import blocks  # late: it needs torch, and sources are made without it

        for block in blocks(model):
            block.compile(dynamic=True)  # in place, at its first call: adapters may still be put into it
    return kept_as_stored(model).train()  # transformers loads in eval mode, and the Trainer leaves the mode as it is


def torch_dtype(name: str) -> Any:
    """Turn ``float32``, ``bfloat16`` or ``float16`` into the torch dtype."""
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise InputError(f"model.dtype: wanted one of {', '.join(known)}, got '{name}'{did_you_mean(name, known)}")
    return known[name]
