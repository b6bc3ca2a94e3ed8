"""Mask health: what each cell's loss was made of."""

from fsqa.report.labels import shown_rows, wrapped_label
from fsqa.report.plots.frame import INK, MUTED, Plot, drawn, dress, say
from fsqa.report.summary import Summary
from fsqa.study.cells import Cell

ROLES = {"prompt": "#9ad4f7", "context": "#bcab9b", "answer": "#0b6fb8", "end": "#d1570b"}
MOST_STACKS = 12
_PALE = ("prompt", "context")


@drawn
def masks(summary: Summary) -> Plot:
    """Return the share of the loss per role of a token, the mean over the runs of each cell."""
    cells = {cell.label: cell for cell in summary.cells}
    rows = [row for row in shown_rows(summary, MOST_STACKS) if _share(cells[row.label])]
    plot = Plot(9, 1.5 + 0.4 * max(len(rows), 2))
    axes = plot.add_subplot()
    dress(axes, f"{summary.title}: what the loss was made of", grid="x")
    if not rows:
        say(axes, "no run wrote what its loss was made of")
        return plot
    starts = [0.0] * len(rows)
    for role, colour in ROLES.items():
        parts = [100 * _share(cells[row.label]).get(role, 0.0) for row in rows]
        bars = axes.barh(range(len(rows)), parts, left=starts, height=0.64, color=colour, label=role)
        told = [f"{part:.0f}" if part >= 7 else "" for part in parts]
        axes.bar_label(bars, told, label_type="center", fontsize=9, color=INK if role in _PALE else "white")
        starts = [start + part for start, part in zip(starts, parts, strict=True)]
    axes.set_yticks(range(len(rows)), [wrapped_label(row.label, 44) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    left_out = len(summary.rows) - len(rows)
    more = f"   ({len(rows)} of {len(summary.rows)} cells)" if left_out else ""
    axes.set_xlabel(f"share of the loss, %{more}", loc="left")
    handles, labels = axes.get_legend_handles_labels()
    plot.legend(handles, labels, loc="outside lower left", frameon=False, ncols=4, fontsize=9, labelcolor=MUTED)
    return plot


def _share(cell: Cell) -> dict[str, float]:
    shares = [run.measures.role_share for run in cell.runs if run.measures.role_share]
    return {role: sum(share.get(role, 0.0) for share in shares) / len(shares) for role in ROLES} if shares else {}
