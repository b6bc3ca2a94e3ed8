"""The small tables below the main one, alike in Markdown and on the page: by kind, by split, by post-processing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fsqa.report import kinds, memorisation, variants
from fsqa.report.kinds import kinds_of
from fsqa.report.memorisation import memories
from fsqa.report.summary import Summary
from fsqa.report.variants import VariantRow


@dataclass(frozen=True, slots=True)
class SmallTable:
    """A table of texts with a heading and a sentence that explains it."""

    key: str
    """What a link to it is called."""
    title: str
    explanation: str
    header: tuple[str, ...]
    words: int
    """Columns from the left that hold words, and not numbers."""
    lines: tuple[tuple[str, ...], ...]
    warned: tuple[str, ...]
    """Per line what is said against it, mostly nothing."""


def small_tables(summary: Summary, settings: Sequence[VariantRow] = ()) -> tuple[SmallTable, ...]:
    """Return every small table that the runs of the study give."""
    return tuple(_tables(summary, settings))


def _tables(summary: Summary, settings: Sequence[VariantRow]) -> Iterator[SmallTable]:
    found = kinds_of(summary)
    if found.rows:
        lines = tuple(found.texts(row) for row in found.rows)
        yield SmallTable("kinds", kinds.TITLE, found.explanation, found.header, 2, lines, ("",) * len(lines))
    leading = set(summary.leading)
    known = memories([cell for cell in summary.cells if cell.label in leading])
    if known:
        yield SmallTable(
            key="memorisation",
            title=memorisation.TITLE,
            explanation=memorisation.EXPLANATION,
            header=memorisation.HEADER,
            words=2,
            lines=tuple(memory.texts for memory in known),
            warned=tuple(memory.warning for memory in known),
        )
    if settings:
        yield SmallTable(
            key="post-processing",
            title=variants.TITLE,
            explanation=variants.EXPLANATION,
            header=variants.HEADER,
            words=2,
            lines=tuple(row.texts for row in settings),
            warned=("",) * len(settings),
        )
