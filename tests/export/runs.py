"""Finished runs to export, and what a client without fsqa does with them."""

import ast
import re
from pathlib import Path

import torch
from transformers import AutoTokenizer

LEARNED = ("trainer.max_steps=250", "trainer.val_check_interval=125", "optimizer.lr=0.01")
"""Training enough to say different answers, some of them right."""
PROMPT = re.compile(r"^prompt = (.+)$", re.MULTILINE)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def documented_prompt(folder: Path) -> str:
    """The prompt that a model card shows."""
    (shown,) = PROMPT.findall((folder / "README.md").read_text(encoding="utf-8"))
    return ast.literal_eval(shown)


def documented_code(folder: Path) -> str:
    """The program that a model card shows."""
    (code,) = CODE.findall((folder / "README.md").read_text(encoding="utf-8"))
    return code


def logits(model: torch.nn.Module, folder: Path, questions: list[str]) -> torch.Tensor:
    """All logits of some questions, padded on the right."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(questions, return_tensors="pt", padding=True, padding_side="right")
    mask = inputs["attention_mask"]
    with torch.no_grad():
        return model(input_ids=inputs["input_ids"], attention_mask=mask).logits[mask.bool()]


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder, with its size and time of change."""
    return {str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*")}
