"""A run's weights as one model without an adapter, and how to load such a folder."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

from fsqa import model_store
from fsqa.config.instantiate import build
from fsqa.errors import InputError
from fsqa.finished import Finished
from fsqa.model.quantization import Quantization
from fsqa.model.tokenizer import read_tokenizer

PLAIN = Quantization(kind="none")


def has_adapter(finished: Finished) -> bool:
    """Say whether the run trained an adapter, so that its folder holds only that and perhaps its base."""
    return (finished.path / "model" / model_store.ADAPTER_CONFIG).is_file()


def write_merged(finished: Finished, folder: Path) -> None:
    """Write the model as ``transformers`` alone loads it: an adapter is merged into its base, in float32.

    A model that was tuned whole is copied as it is.
    """
    own = finished.path / "model"
    if not has_adapter(finished):
        shutil.copytree(own, folder, dirs_exist_ok=True)
        return
    model = load_folder(own, model_class_of(finished), PLAIN)
    if getattr(model.get_base_model(), "is_quantized", False):
        raise InputError(
            f"{own}: the base of this adapter is a random start that was only ever held in fewer bits, so that nothing "
            "can be merged into it without loss; take --format adapter"
        )
    _merged(model.float()).save_pretrained(folder)
    read_tokenizer(str(own), revision=None).save_pretrained(folder)


def _merged(model: Any) -> Any:
    """Merge the adapter into its base; a head that was tied to the embedding, and still equals it, stays tied."""
    import torch

    was_tied = model.get_base_model().config.tie_word_embeddings
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"peft\.")
        merged = model.merge_and_unload(safe_merge=True)
    head, embedding = merged.get_output_embeddings(), merged.get_input_embeddings()
    if was_tied and head is not None and torch.equal(head.weight, embedding.weight):
        # peft makes two equal copies of a tied pair that was trained
        head.weight, merged.config.tie_word_embeddings = embedding.weight, True
    return merged


def load_folder(folder: Path, model_class: str, quantization: Quantization) -> Any:
    """Load a model, with the adapter on its base in float32 if it has one, in eval mode on the best device."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model_store.load(folder, model_class, dtype="float32", device=device, quantization=quantization)


def model_class_of(finished: Finished) -> str:
    """Return the name of the Auto class of transformers that loads the run's model."""
    return str(build(finished.config["objective"]).model_class)


def weights_mb(folder: Path) -> float:
    """Return the size of a folder's weights on disk in MB."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e6
