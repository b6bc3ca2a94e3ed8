"""Loading a pretrained model that ranks, with its tokenizer."""

from __future__ import annotations

from typing import Any

from fsqa.errors import InputError
from fsqa.model.quiet import quiet_transformers


def load(
    model_class: str, place: str, revision: str | None, device: str, may_lack: tuple[str, ...] = ()
) -> tuple[Any, Any]:
    """Return the tokenizer and the model of a folder or hub id, the model on its device and in eval mode.

    Weights that the files lack would start at random, so they are an InputError, but for those that are not used
    (``may_lack``, by the start of their names).
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    try:
        with quiet_transformers():  # what is lacking is told below
            tokenizer = transformers.AutoTokenizer.from_pretrained(place, revision=revision)
            model, info = getattr(transformers, model_class).from_pretrained(
                place, revision=revision, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"cannot load '{place}' to rank with: {_first_line(error)}; name a folder with config.json, weights and a "
            "tokenizer, or a hub id while there is a network"
        ) from None
    if lacking := sorted(name for name in info["missing_keys"] if not name.startswith(may_lack)):
        raise InputError(
            f"the weights of '{place}' lack {len(lacking)} tensors of {type(model).__name__}, the first "
            f"'{lacking[0]}'; they would start at random, so take a model that was trained to rank"
        )
    try:
        return tokenizer, model.eval().to(device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device: cannot use '{device}': {_first_line(error)}; set device=cpu") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
