"""Weight-decomposed low-rank adapters (Liu et al. 2024, https://arxiv.org/abs/2402.09353)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fsqa.tuning.lora import Lora


@dataclass(frozen=True, kw_only=True)
class Dora(Lora):
    """LoRA that learns the length of each weight column apart from its direction: slower, often better at low rank."""

    decomposed: ClassVar[bool] = True
