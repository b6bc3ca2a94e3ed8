"""The contestants of a race, written as ``NAME`` or ``NAME:OPTION,OPTION``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from benchmarks.workload import WorkloadName
from fsqa.errors import InputError, did_you_mean

Device = Literal["cpu", "cuda"]
Precision = Literal["fp32", "bf16"]
Strategy = Literal["answer_end", "all"]

BASE = "fsqa"

OPTIONS = {
    "fsqa": None,
    "lightning": ("process",),
    "hf": ("process", "by_length"),
    "trl": ("process", "by_length", "same_loss", "no_checkpointing", "padding_free", "packing", "liger"),
}
"""Who takes part, and with which switches; fsqa takes any override of ``fsqa train``."""

TOLD = {
    "fsqa": "fsqa train",
    "lightning": "Lightning as one writes it: rows padded to 35, all logits, a dense smoothed target, nn.KLDivLoss",
    "hf": "HF Trainer: rows padded to the longest of the batch, label_smoothing_factor",
    "trl": "TRL SFTTrainer",
    "process": "with the process settings that fsqa chooses for itself (matmul route, allocator)",
    "by_length": "batches of like length",
    "same_loss": "label_smoothing_factor as everybody else, no gradient checkpointing",
    "no_checkpointing": "no gradient checkpointing",
    "padding_free": "no gradient checkpointing, batches laid end to end without filler",
    "packing": "no gradient checkpointing, several examples in every row",
    "liger": "with Liger's kernels",
}

TRL_DEFAULTS = "at its defaults: gradient checkpointing, no smoothing"
NOT_CHECKPOINTED = {"same_loss", "no_checkpointing", "padding_free", "packing"}

TRICKS_OFF = (
    "fsqa:speed=plain",
    "fsqa:speed.fused_activations=false",
    "fsqa:speed.gradient_buffers=false",
    "fsqa:speed.folded_clipping=false",
    "fsqa:speed.last_block_at_targets=false",
    "fsqa:speed.padding_free=false",
    "fsqa:speed.matrix_route=false",
    "fsqa:speed.kept_memory=false",
    "fsqa:optimizer.fused=false",
)
"""fsqa without any of its shortcuts, and with each of them off."""

PEERS = (
    "lightning",
    "hf",
    "hf:by_length",
    "trl",
    "trl:same_loss",
    "trl:no_checkpointing",
    "trl:padding_free",
    "trl:packing",
)
GIVEN_OURS = (
    "lightning:process",
    "hf:process",
    "hf:by_length,process",
    "trl:same_loss,process",
    "trl:padding_free,process",
)
PEERS_OF_BLOCKS = ("hf", "trl", "trl:no_checkpointing", "hf:process", "trl:no_checkpointing,process")
PEERS_OF_LORA = ("hf", "trl", "trl:same_loss", "trl:padding_free", "hf:process", "trl:padding_free,process")
LIGER = ("trl:no_checkpointing,liger", "trl:padding_free,liger")
"""On a GPU; in blocks rows are packed, and so without padding, by themselves."""


def by_default(workload: WorkloadName, device: Device) -> tuple[str, ...]:
    """Return who races when nobody is named: every peer, on a CPU also with our settings, and fsqa less each trick."""
    if workload == "answers":
        peers = PEERS + (GIVEN_OURS if device == "cpu" else LIGER)
    else:
        named = PEERS_OF_BLOCKS if workload == "blocks" else PEERS_OF_LORA
        liger = LIGER[:1] if workload == "blocks" else LIGER
        peers = named if device == "cpu" else (*(spec for spec in named if "process" not in spec), *liger)
    return (BASE, *peers, *(TRICKS_OFF if device == "cpu" else TRICKS_OFF[:1]))


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One contestant."""

    spec: str
    name: str
    options: tuple[str, ...]

    @property
    def told(self) -> str:
        """Return in words what it is."""
        if self.name == BASE:
            return ", ".join([TOLD[BASE], *self.options])
        own = (TRL_DEFAULTS,) if self.name == "trl" and not set(self.options) & NOT_CHECKPOINTED else ()
        return "; ".join([TOLD[self.name], *own, *(TOLD[option] for option in self.options)])


def read_variant(spec: str) -> Variant:
    """Read one contestant; raises InputError for a name or a switch that there is not."""
    name, _, rest = spec.partition(":")
    if name not in OPTIONS:
        raise InputError(f"variant '{spec}': nobody is called '{name}'{did_you_mean(name, OPTIONS)}; {_choices()}")
    options = tuple(split_outside_brackets(rest))
    known = OPTIONS[name]
    for option in options:
        if known is not None and option not in known:
            raise InputError(
                f"variant '{spec}': {name} has no switch '{option}'{did_you_mean(option, known)}; {_choices()}"
            )
    return Variant(spec=spec, name=name, options=options)


def split_outside_brackets(text: str) -> list[str]:
    """Split at commas that stand in no bracket: an override may hold a list."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]


def _choices() -> str:
    named = [name if options is None else f"{name} ({', '.join(options)})" for name, options in OPTIONS.items()]
    return f"wanted one of {', '.join(named)}; fsqa takes overrides of fsqa train"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything a worker has to know."""

    variant: str
    model: str
    """Name of the model's shape."""
    workload: WorkloadName
    prepared: str
    """Folder that the workload is prepared in."""
    scratch: str
    """Folder the worker may write to; it is deleted after the race."""
    device: Device
    precision: Precision
    strategy: Strategy
    threads: int
    batch_size: int
    warm_up: int
    """Optimizer steps before the first turn."""

    @classmethod
    def read(cls, text: str) -> Job:
        """Read what :meth:`text` wrote."""
        return cls(**json.loads(text))

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @property
    def chosen(self) -> Variant:
        """The contestant."""
        return read_variant(self.variant)

    @property
    def folder(self) -> Path:
        """The scratch folder, as a path."""
        return Path(self.scratch)


def can_race(specs: Sequence[str], workload: WorkloadName) -> list[Variant]:
    """Return the contestants with the base first, once each; raises InputError for one that cannot take part."""
    variants = [read_variant(spec) for spec in dict.fromkeys([BASE, *specs])]
    for variant in variants:
        if variant.name == "lightning" and workload != "answers":
            raise InputError(
                f"variant '{variant.spec}': Lightning is written for --workload answers alone; leave it out"
            )
        if workload == "blocks" and set(variant.options) & {"same_loss", "padding_free", "packing"}:
            raise InputError(
                f"variant '{variant.spec}': blocks are packed and not smoothed by themselves; wanted trl, "
                "trl:no_checkpointing, and process or liger with either"
            )
    return variants
