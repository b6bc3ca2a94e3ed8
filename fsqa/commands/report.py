"""``fsqa report``: compare the runs of a study."""

from __future__ import annotations

from pathlib import Path

from fsqa.commands.arguments import Arguments, parse


def run(words: list[str]) -> int:
    """Print the table of one or more studies, and write the HTML page, CSV, Markdown, LaTeX and plots."""
    parser = Arguments(
        "fsqa report", "Compare the runs of a study from its run folders: means, 95 % intervals, differences."
    )
    parser.add_argument("study", nargs="+", type=Path, help="a study folder, such as outputs/default")
    parser.add_argument(
        "--baseline", metavar="CELL", help="the cell that others are compared with, as in loss=all; default: the first"
    )
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="what cells are ordered and compared by, such as f1 or sentence_bleu; default: exact_match, of ranked "
        "texts the first ranker's mean rank",
    )
    options = parse(parser, words)

    from fsqa.report.write import write_report

    write_report(options.study, baseline=options.baseline, metric=options.metric)
    return 0
