"""How each figure of a study is measured, with the signature of the package that computed it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import METRICS
from fsqa.study.cells import Cell

MOST_NAMED = 3
"""Figures named beside a signature that they share."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one figure is measured."""

    title: str
    told: str
    """In one sentence."""
    signatures: tuple[str, ...]
    """In the words of the package that computed it; several where cells differ in it."""


def protocols(metrics: Iterable[str], cells: Sequence[Cell]) -> tuple[Protocol, ...]:
    """Return the protocol of every named metric, as the done runs of the cells measured it."""
    signed = _signatures(cells)
    return tuple(Protocol(METRICS[name].title, METRICS[name].protocol, signed.get(name, ())) for name in metrics)


def signature_lines(metrics: Iterable[str], cells: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    """Return the figures that share a signature, told by their titles, and that signature."""
    signed, titles = _signatures(cells), dict[str, list[str]]()
    for name in metrics:
        for signature in signed.get(name, ()):
            titles.setdefault(signature, []).append(METRICS[name].title)
    return tuple((_listed(each), signature) for signature, each in titles.items())


def protocol_notes(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return a sentence that names the figures which were not computed alike in all cells."""
    differ = [METRICS[name].title for name, each in _signatures(cells).items() if len(each) > 1 and name in METRICS]
    if not differ:
        return ()
    return (f"Not computed alike in all cells: {_listed(differ)}. Compare only those that share a signature.",)


def _signatures(cells: Sequence[Cell]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for cell in cells:
        for run in cell.runs:
            for name, signature in run.measures.signatures.items():
                found.setdefault(name, {})[signature] = None
    return {name: tuple(each) for name, each in found.items()}


def _listed(titles: Sequence[str]) -> str:
    more = [f"and {len(titles) - MOST_NAMED} more"] if len(titles) > MOST_NAMED else []
    return "; ".join([*titles[:MOST_NAMED], *more])
