"""A trained model on disk, in Hugging Face layout: its full weights, or an adapter and where its base is."""

from __future__ import annotations

import errno
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsqa.errors import InputError
from fsqa.model.quantization import Quantization, kept_as_stored
from fsqa.model.quiet import quiet_transformers
from fsqa.model.tokenizer import read_tokenizer

ADAPTER_CONFIG = "adapter_config.json"
BASE = "base"
"""The folder beside an adapter that holds its base, where no hub or other folder does."""


def save(model: Any, tokenizer: Any, folder: Path, *, final: Path, published: tuple[str, str | None] | None) -> None:
    """Write a model and its tokenizer to ``folder``, which is to be renamed to ``final``.

    ``published`` are the hub id or folder and the revision that the weights started from; None for a random start,
    whose frozen weights are written too if only an adapter was trained. A full disk is an OSError.
    """
    from safetensors import SafetensorError

    try:
        if is_adapter(model):
            _save_adapter(model, folder, final, published)
        else:
            model.save_pretrained(folder)
    except SafetensorError as error:
        # The only thing that can go wrong here is the disk, and safetensors says so in words alone.
        raise OSError(errno.ENOSPC, str(error)) from error
    tokenizer.save_pretrained(folder)


def is_adapter(model: Any) -> bool:
    """Say whether only adapters beside a frozen model were trained."""
    return hasattr(model, "peft_config")


def _save_adapter(model: Any, folder: Path, final: Path, published: tuple[str, str | None] | None) -> None:
    config = model.peft_config["default"]
    if published is None:
        _save_base(model.get_base_model(), folder / BASE)
        config.base_model_name_or_path = str((final / BASE).resolve())
    else:
        base, config.revision = published
        config.base_model_name_or_path = str(Path(base).resolve()) if Path(base).is_dir() else base
    with _quiet_peft():
        # Embeddings are saved where they learn; peft would look them up on the hub to find out.
        model.save_pretrained(folder, save_embedding_layers=False)
    model.generation_config.save_pretrained(folder)


def _save_base(base: Any, folder: Path) -> None:
    """Write the frozen model below the adapters as it was before they were put into it."""
    weights = {_bare(name): value for name, value in base.state_dict().items() if not _is_of_adapter(name)}
    # Of quantised weights transformers takes no state dict that it is given: it asks the model.
    base.__dict__["state_dict"] = lambda *_, **__: weights
    try:
        base.save_pretrained(folder)
    finally:
        del base.__dict__["state_dict"]


def _is_of_adapter(name: str) -> bool:
    return any(part.startswith(("lora_", "modules_to_save", "trainable_tokens_")) for part in name.split("."))


def _bare(name: str) -> str:
    wrappers = ("base_layer", "original_module", "token_adapter")
    return ".".join(part for part in name.split(".") if part not in wrappers)


def load(folder: Path, model_class: str, *, dtype: str, device: str, quantization: Quantization | None = None) -> Any:
    """Return the model that was saved to ``folder``, in eval mode on ``device``.

    ``model_class`` is the Auto class of its kind. ``dtype`` is what an adapter's base is held in; full weights keep
    their own. ``quantization`` holds the weights in fewer bits instead.
    """
    import transformers

    auto = getattr(transformers, model_class)
    quantization = quantization or Quantization(kind="none")
    base = base_of(folder) if (folder / ADAPTER_CONFIG).is_file() else str(folder)
    arguments = _arguments(base, quantization, device)
    if (folder / ADAPTER_CONFIG).is_file():
        try:
            loaded = auto.from_pretrained(base, **{"dtype": _base_dtype(base, dtype), **arguments})
        except (OSError, ValueError) as error:
            raise InputError(
                f"{folder}: cannot load the model below the adapter, {base}: {str(error).strip().splitlines()[0]}"
            ) from None
        model = _with_adapter(loaded, folder)
    elif (folder / "config.json").is_file():
        model = auto.from_pretrained(folder, **{"dtype": "auto", **arguments})
    else:
        raise InputError(f"{folder}: there is no model; wanted config.json or {ADAPTER_CONFIG}")
    if not getattr(model, "is_quantized", False):
        model = model.to(device)
    return kept_as_stored(model).eval()


def _arguments(base: str, quantization: Quantization, device: str) -> dict[str, Any]:
    """Return what ``from_pretrained`` has to be told; weights that are saved in fewer bits stay in them."""
    config = Path(base) / "config.json"
    saved = json.loads(config.read_text(encoding="utf-8")).get("quantization_config") if config.is_file() else None
    if saved is None:
        return quantization.arguments(device)
    kind = "nf4" if saved.get("load_in_4bit") else "int8"
    if quantization.kind not in ("none", kind):
        raise InputError(
            f"quantization={quantization.kind}: the weights in {base} are held in {kind} as they were trained, and "
            "cannot be turned into others; leave quantization out"
        )
    return {"device_map": {"": device}}


def base_of(folder: Path) -> str:
    """Return the folder or hub id of an adapter's base; one that is beside the adapter moves with it."""
    if (folder / BASE).is_dir():
        return str(folder / BASE)
    return str(json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"])


def _base_dtype(base: str, dtype: str) -> Any:
    from fsqa.model.build import torch_dtype

    return "auto" if Path(base).name == BASE else torch_dtype(dtype)


def _with_adapter(base: Any, folder: Path) -> Any:
    from peft import PeftModel
    from transformers import GenerationConfig

    tokens = len(read_tokenizer(str(folder), revision=None))
    if tokens > base.get_input_embeddings().num_embeddings:
        with quiet_transformers():  # of how new rows start: the adapter brings its own
            base.resize_token_embeddings(tokens)
    with _quiet_peft():
        model = PeftModel.from_pretrained(base, folder)
    if (folder / "generation_config.json").is_file():
        model.generation_config = base.generation_config = GenerationConfig.from_pretrained(folder)
    return model


@contextmanager
def _quiet_peft() -> Iterator[None]:
    """Keep advice out of the terminal that is no user's to act on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"peft\.")
        yield
