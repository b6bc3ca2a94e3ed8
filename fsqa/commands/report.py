"""``fsqa report``: compare the runs of a study."""

from __future__ import annotations

from pathlib import Path

from fsqa.commands.arguments import Arguments, parse


def run(words: list[str]) -> int:
    """Print the table of one or more studies, and write CSV, Markdown, plots and the HTML page."""
    parser = Arguments(
        "fsqa report", "Compare the runs of a study from its run folders: mean and 95 % interval over seeds."
    )
    parser.add_argument("study", nargs="+", type=Path, help="a study folder, such as outputs/default")
    parser.add_argument(
        "--baseline", metavar="CELL", help="the cell that others are compared with, as in loss=all; default: the first"
    )
    options = parse(parser, words)

    from fsqa.report.write import write_report

    write_report(options.study, baseline=options.baseline)
    return 0
