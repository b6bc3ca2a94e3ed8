import io

import pytest
from rich.console import Console

from fsqa.report.differences import format_p, p_of
from fsqa.report.summary import summarise
from fsqa.report.table import terminal_table
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run
from tests.report.fake_topics import ranking_study, refusal_study, rewriting_study
from tests.report.test_labels import many


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


def shown(summary, width, **options):
    console = Console(width=width, file=io.StringIO(), **options)
    console.print(terminal_table(summary, width))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 140])
def test_fits(study, width):
    text = shown(study, width)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    header = next(line for line in text.splitlines() if line.startswith(" cell"))
    for column in ("n", "EM %", "Δ", "p", "F1 %"):
        assert column in header.split("  ") or f"{column} " in header
    assert ("seconds" in header, "length" in header) == (width >= 100, width >= 140)
    assert "nearest question" in text
    assert "over 3 comparisons" in " ".join(text.split())


TOPICS = {
    refusal_study: ("EM %", "on topic EM %", "refusal F1 %", "precision %", "recall %", "false ref. %", "leaks %"),
    rewriting_study: ("EM %", "BLEU %", "sent. BLEU %", "word edits %"),
    ranking_study: ("BM25 rank", "BM25 top 1 %", "BM25 FDARO %", "Embedding rank", "Embedding top 1 %"),
}


@pytest.mark.parametrize("build", TOPICS, ids=lambda build: build.__name__)
def test_columns_are_those_of_what_was_measured(tmp_path, build):
    summary = summarise("s", read_study(build(tmp_path / "s")))
    for width, count in ((80, 1), (100, 2), (200, len(TOPICS[build]))):
        lines = shown(summary, width).splitlines()
        assert all(len(line) <= width for line in lines)
        header = next(line for line in lines if line.startswith(" cell"))
        places = [header.find(f" {name} ") for name in TOPICS[build][:count]]
        assert -1 not in places
        assert places == sorted(places)


def test_a_wide_table_of_a_ranking_counts_no_documents(tmp_path):
    assert "documents" not in shown(summarise("s", read_study(ranking_study(tmp_path / "s"))), 300)


def test_a_baseline_without_a_figure_that_there_is_room_for_is_left_out(tmp_path):
    metrics = {"test": {"exact_match": 0.5, "answer_nll": 1.0}, "baseline": {"unigram": {"answer_nll": 5.0}}}
    add_run(tmp_path / "s", "all", 0, metrics=metrics)
    summary = summarise("s", read_study(tmp_path / "s"))
    assert "token frequencies" in shown(summary, 100)
    narrow = shown(summary, 30)
    assert "answer NLL" not in narrow
    assert "token frequencies" not in narrow


def test_difference_and_p(study):
    lines = shown(study, 100).splitlines()
    first = next(line for line in lines if line.startswith(" loss=all "))
    other = next(line for line in lines if line.startswith(" loss=answer_end "))
    assert first.split()[5] == "base"
    own = study.comparisons["loss=answer_end"]
    assert other.split()[5:7] == [f"+{100 * own.mean:.1f}", format_p(p_of(own))]


def test_marks_the_best(study):
    text = shown(study, 100, force_terminal=True, color_system="standard")
    line = next(line for line in text.splitlines() if "loss=answer_end" in line)
    assert "\x1b[1;32m" in line


def test_many_cells_are_told_in_one_line(tmp_path):
    text = shown(many(tmp_path / "s", 25), 80)
    labels = [line.split()[0] for line in text.splitlines() if line.startswith(" learning_rate=")]
    assert labels == [f"learning_rate={number}" for number in (*range(25, 6, -1), 1)]
    assert "and 5 more: see table.csv" in " ".join(text.split())
