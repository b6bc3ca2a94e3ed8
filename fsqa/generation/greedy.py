"""Greedy decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsqa.generation.autoregressive import Autoregressive


@dataclass(frozen=True, kw_only=True)
class Greedy(Autoregressive):
    """The likeliest token each time, until the end token or ``max_new_tokens``."""

    def rule(self) -> dict[str, Any]:
        """Neither sample nor look ahead."""
        return {"do_sample": False, "num_beams": 1}
