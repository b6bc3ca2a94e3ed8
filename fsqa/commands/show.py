"""``fsqa show``: examples with every token coloured by what it weighs in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsqa.commands.arguments import Arguments, parse
from fsqa.config.check import check_config
from fsqa.config.compose import compose_one
from fsqa.errors import InputError
from fsqa.types import SPLITS, Role

if TYPE_CHECKING:
    from rich.text import Text

SHADES = ((0.0, "grey50"), (0.05, "cyan"), (0.15, "green"), (0.3, "yellow"), (1.01, "bold red"))
"""Colours up to a share of the example's loss: grey counts nothing."""


def run(words: list[str]) -> int:
    """Print the first examples of a split under the composed loss, and the share of the loss per role."""
    parser = Arguments(
        "fsqa show",
        "Print examples with every token coloured by its weight under the chosen loss.",
        epilog="Further words are overrides as in fsqa train: fsqa show loss=balanced dataset=nq_open dataset.path=...",
    )
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="how many examples (default 3)")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parse(parser, words)
    if options.examples < 1:
        raise InputError(f"--examples: wanted 1 or more, got {options.examples}")
    config = check_config(compose_one(options.overrides))
    _show(config, options.split, options.examples)
    return 0


def _show(config: dict[str, Any], split: Any, count: int) -> None:
    from pathlib import Path

    import numpy as np
    from rich.console import Console

    from fsqa.config.assemble import assemble
    from fsqa.config.rehearse import rehearsed
    from fsqa.data.batches import collate

    assembly = assemble(rehearsed(config), Path(config["outputs"]) / ".cache")
    examples, records = assembly.examples[split], assembly.records.splits[split]
    rows = np.arange(min(count, len(examples)))
    batch = collate(examples, rows, rows, assembly.encoder.end_id)
    weights = assembly.loss.weigh(batch)
    console = Console()
    console.print(_legend())
    for i in rows:
        length = int(examples.lengths[i])
        own = weights[i, :length] / weights[i].sum()
        pieces = [assembly.tokenizer.decode([token]) for token in batch.ids[i, :length].tolist()]
        console.print(f"\n[bold]{records[int(examples.records[i])].id}[/bold]  {length} tokens", highlight=False)
        console.print(_coloured(pieces, own.tolist()))
        console.print(_shares(own.tolist(), batch.roles[i, :length].tolist()), highlight=False)


def _coloured(pieces: list[str], shares: list[float]) -> Text:
    """Join token texts, each in the colour of its share; marks keep white space and borders visible."""
    from rich.text import Text

    text = Text()
    for piece, share in zip(pieces, shares, strict=True):
        visible = piece.replace("\n", "⏎")
        text.append(visible, style=f"{_shade(share)} underline" if share else _shade(share))
        text.append("·", style="grey30")
    return text


def _shade(share: float) -> str:
    return next(colour for limit, colour in SHADES if share <= limit)


def _shares(shares: list[float], roles: list[int]) -> str:
    by_role = {role: sum(s for s, r in zip(shares, roles, strict=True) if r == role) for role in Role}
    counted = {role: sum(s > 0 for s, r in zip(shares, roles, strict=True) if r == role) for role in Role}
    parts = [
        f"{role.name.lower()} {100 * by_role[role]:.0f} % ({counted[role]} token{'s' * (counted[role] != 1)})"
        for role in Role
        if role is not Role.PAD and role in roles
    ]
    return "  " + ", ".join(parts)


def _legend() -> Text:
    from rich.text import Text

    text = Text("share of the example's loss:  ")
    text.append("none", style=SHADES[0][1])
    for limit, colour in SHADES[1:]:
        text.append("  ")
        text.append(f"to {100 * min(limit, 1):.0f} %", style=f"{colour} underline")
    return text
