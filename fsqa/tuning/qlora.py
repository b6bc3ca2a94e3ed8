"""Adapters over quantised weights (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fsqa.model.quantization import Quantization
from fsqa.tuning.lora import Lora


@dataclass(frozen=True, kw_only=True)
class Qlora(Lora):
    """LoRA over frozen weights that are held in 4 or 8 bits; the adapters are float32."""

    bits: Literal["nf4", "int8"]
    """nf4: 4-bit normal float, about an eighth of float32; int8: LLM.int8, a quarter."""

    def __post_init__(self) -> None:
        super().__post_init__()
        Quantization(kind=self.bits)

    @property
    def quantization(self) -> Quantization:
        """Load the frozen weights in these bits."""
        return Quantization(kind=self.bits)
