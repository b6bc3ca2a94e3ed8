"""What a rehearsal changes in a config: few steps and few answers, and longer rows where long ones are cut."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from fsqa.config.instantiate import build
from fsqa.model.shrink import LEAST_POSITIONS

REHEARSAL_STEPS = 20
REHEARSAL_STRETCH = 4
"""The tiny tokenizer of a rehearsal cuts words into so many more tokens."""


def rehearsed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a rehearsal: few steps and few answers; otherwise the config as it is."""
    changed = copy.deepcopy(dict(config))
    if changed["rehearse"]:
        trainer, callbacks = changed["trainer"], changed["callbacks"]
        trainer |= {"max_steps": REHEARSAL_STEPS, "max_epochs": -1, "val_check_interval": REHEARSAL_STEPS // 2}
        length = changed["max_length"]
        if build(changed["objective"]).cuts_rows:
            changed["max_length"] = max(length, min(REHEARSAL_STRETCH * length, LEAST_POSITIONS))
        if answers := callbacks["answers"]:
            answers["examples"] = min(answers["examples"], REHEARSAL_STEPS)
    return changed
