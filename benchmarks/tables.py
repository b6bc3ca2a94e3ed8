"""Results on disk: everything as JSON, and what is read as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fsqa.files import write_json, write_text

SIGNIFICANT = 4
WHOLE = 999.95
"""From here on four figures leave no place behind the point."""


def write(
    folder: Path,
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, object]],
    notes: Sequence[str],
    command: str,
    facts: Mapping[str, object],
) -> None:
    """Write ``name.json`` with all of it and ``name.md`` with the columns of each row that are named.

    A row without a column has an empty cell there. ``facts`` are about the machine, in the order they are told.
    """
    result = {
        "title": title,
        "command": command,
        "facts": dict(facts),
        "columns": list(columns),
        "rows": [dict(row) for row in rows],
        "notes": list(notes),
    }
    write_json(folder / f"{name}.json", result)
    write_text(folder / f"{name}.md", markdown(title, columns, rows, notes, command, facts))


def markdown(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, object]],
    notes: Sequence[str],
    command: str,
    facts: Mapping[str, object],
) -> str:
    """Return a page: title, the machine in one line, the command, the table, the notes."""
    cells = [list(columns), *([cell(row.get(column)) for column in columns] for row in rows)]
    parts = [
        f"# {title}",
        "Machine: " + "; ".join(f"{key} {cell(value)}" for key, value in facts.items()) + ".",
        f"    {command}",
        "\n".join(_table(cells, [_is_numeric(rows, column) for column in columns])),
    ]
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts) + "\n"


def cell(value: object) -> str:
    """Return a value as a table shows it: numbers to four significant figures, thousands parted by commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.{SIGNIFICANT}g}"
    return str(value).replace("|", "\\|")


def _is_numeric(rows: Sequence[Mapping[str, object]], column: str) -> bool:
    values = [row[column] for row in rows if row.get(column) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _table(cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Return the lines of a table whose columns line up in plain text too."""
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(numeric))]
    rules = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    lines = [
        [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ]
        for row in cells
    ]
    return [f"| {' | '.join(line)} |" for line in [lines[0], rules, *lines[1:]]]
