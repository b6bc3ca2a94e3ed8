"""Weights in fewer bits: what ``from_pretrained`` has to be told."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

from fsqa.errors import InputError

PACKAGES = {
    "int8": ("bitsandbytes", "fsqa[quantization]"),
    "nf4": ("bitsandbytes", "fsqa[quantization]"),
    "torchao_int8": ("torchao", "fsqa[torchao]"),
}
"""What a kind needs: the package, and what pip installs it by."""


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """In which numbers a model's weights are held.

    ``int8`` is LLM.int8 (Dettmers et al. 2022) and ``nf4`` the 4-bit normal float with doubly quantised scales of
    QLoRA (Dettmers et al. 2023), both by bitsandbytes; the output head and the embedding keep their numbers.
    """

    kind: Literal["none", "bfloat16", "int8", "nf4", "torchao_int8"]

    def __post_init__(self) -> None:
        package, install = PACKAGES.get(self.kind, ("fsqa", ""))
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{self.kind} weights need {package}, and it is not installed; pip install '{install}'")

    @property
    def is_placed(self) -> bool:
        """Whether such weights are made on their device and stay there."""
        return self.kind in PACKAGES

    def arguments(self, device: str = "cpu") -> dict[str, Any]:
        """Return the keyword arguments for ``from_pretrained``; ``device`` is where the weights will be used.

        Arithmetic is bfloat16 on a GPU and float32 on a CPU.
        """
        import torch

        if self.kind == "none":
            return {}
        if self.kind == "bfloat16":
            return {"dtype": torch.bfloat16}
        return {"quantization_config": self._config(device), "device_map": {"": device}}

    def _config(self, device: str) -> Any:
        import torch
        from transformers import BitsAndBytesConfig, TorchAoConfig

        if self.kind == "int8":
            return BitsAndBytesConfig(load_in_8bit=True)
        if self.kind == "nf4":
            return BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.float32 if device == "cpu" else torch.bfloat16,
            )
        from torchao.quantization import Int8WeightOnlyConfig  # type: ignore[import-not-found]

        return TorchAoConfig(quant_type=Int8WeightOnlyConfig())


def kept_as_stored(model: Any) -> Any:
    """Return the model with its 4-bit weights left as they are.

    On some CPUs bitsandbytes would rearrange them at the first answer, to bfloat16 arithmetic that other widths than
    multiples of 64 cannot have; then answers would differ from machine to machine, and checkpoints from their weights.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model
