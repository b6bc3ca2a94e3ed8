import csv
import io

from rich.console import Console

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.report.finding import finding
from fsqa.report.summary import summarise
from fsqa.report.table import csv_table, markdown_table, terminal_table
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


def two_cells(folder):
    """Two cells with three and two seeds, scores that are easy to do by hand, and a failed run."""
    for loss, scores in (("all", (0.4, 0.5, 0.6)), ("answer", (0.7, 0.7))):
        for seed, score in enumerate(scores):
            metrics = {
                "test": {"exact_match": score, "answer_nll": 1.0},
                "baseline": {"nearest_question": {"exact_match": 0.55}},
                "cost": {"seconds": 10.0},
            }
            add_run(folder, loss, seed, metrics=metrics)
    add_run(folder, "answer", 2, state="failed", error={"type": "ValueError", "message": "no"})
    return summarise("two", read_study(folder))


def test_csv_to_the_byte(tmp_path):
    lines = csv_table(two_cells(tmp_path / "two")).split("\n")
    names = [*METRICS, *COSTS]
    assert lines[0] == ",".join(
        ["kind", "cell", "seeds"]
        + [f"{name}_{part}" for name in names for part in ("mean", "low", "high", "n")]
        + ["against", *(f"exact_match_difference_{part}" for part in ("mean", "low", "high", "n"))]
    )

    def line(kind, cell, seeds, **figures):
        columns = [figures.get(name, ",,,0") for name in names]
        return ",".join([kind, cell, str(seeds), *columns, ",,,,0"])

    # the half width of 0.4, 0.5, 0.6 is 4.30265272991 * 0.1 / sqrt(3) = 0.2484137712
    assert lines[1:] == [
        line(
            "cell",
            "loss=all",
            3,
            exact_match="0.5,0.2515862288,0.7484137712,3",
            answer_nll="1,1,1,3",
            seconds="10,10,10,3",
        ),
        line("cell", "loss=answer", 2, exact_match="0.7,0.7,0.7,2", answer_nll="1,1,1,2", seconds="10,10,10,2"),
        line("baseline", "nearest question", 3, exact_match="0.55,,,1"),
        "",
    ]


def test_csv_has_the_paired_difference(study):
    rows = list(csv.DictReader(io.StringIO(csv_table(study))))
    difference = next(row for row in rows if row["cell"] == "loss=answer_end")
    assert difference["against"] == "loss=all"
    means = {row["cell"]: float(row["exact_match_mean"]) for row in rows}
    assert float(difference["exact_match_difference_mean"]) == round(means["loss=answer_end"] - means["loss=all"], 10)
    assert float(difference["exact_match_difference_low"]) > 0
    assert difference["exact_match_difference_n"] == "3"


def test_markdown(tmp_path):
    summary = two_cells(tmp_path / "two")
    text = markdown_table(summary, finding(summary))
    assert "| loss=all *(not above nearest question (55.0))* | 3 | 50.0 ± 24.8 |" in text
    assert "| loss=answer | 2 | **70.0 ± 0.0** |" in text
    assert "| *nearest question* |  | 55.0 | — |" in text
    assert "Not averaged: answer-base-seed2: failed: ValueError: no" in text
    assert "do not have the same seeds" in text


def test_terminal_fits_100_columns(study):
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(terminal_table(study, 100))
    text = console.file.getvalue()
    assert "…" not in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "seconds" in text
    assert "nearest question" in text


def test_terminal_marks_the_best(study):
    console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(terminal_table(study, 100))
    line = next(line for line in console.file.getvalue().splitlines() if "loss=answer_end" in line)
    assert "\x1b[1;32m" in line
