"""The card that travels with a saved model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

SHOWN = ("exact_match", "f1", "answer_nll", "stop_rate")


def model_card(config: Mapping[str, Any], metrics: Mapping[str, Any], choices: Mapping[str, str], run: str) -> str:
    """Write the card: what the model was trained on and how, what it scores beside its baselines, how to load it."""
    base = None if config["rehearse"] else config["model"].get("path")
    front = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["fsqa", "question-answering", f"loss-{choices.get('loss', 'custom')}"],
        **({"base_model": base} if base else {}),
    }
    rows = {"this model": metrics["test"], **metrics["baseline"]}
    table = "\n".join(
        f"| {name.replace('_', ' ')} | " + " | ".join(_cell(figures.get(metric)) for metric in SHOWN) + " |"
        for name, figures in rows.items()
    )
    segments = "".join(text for segment in config["prompt"]["segments"] for text in segment.values())
    return f"""---
{yaml.safe_dump(front, sort_keys=False).strip()}
---

# {run}

Answers questions. Trained with fsqa on `{choices.get("dataset", "custom")}` with the loss strategy
`{choices.get("loss", "custom")}` (label smoothing {config["loss"].get("smoothing")}) and
`{choices.get("tuning", "custom")}` tuning, seed {config["seed"]}, {metrics["cost"]["steps"]} steps
of {config["batch_size"]} examples.

| on {metrics["test"]["examples"]} test questions | {" | ".join(SHOWN)} |
| --- |{" ---: |" * len(SHOWN)}
{table}

Exact match and F1 after SQuAD normalisation, the best over all references; one seed, so no interval: compare several
with `fsqa report`.

## Loading

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("model")
model = AutoModelForCausalLM.from_pretrained("model")
```

The prompt is {segments!r}{", after the start token" if config["prompt"]["start"] else ""};
the answer ends with the end token.
"""


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
