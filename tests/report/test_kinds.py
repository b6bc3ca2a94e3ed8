import io

from rich.console import Console

from fsqa.report.kinds import kinds_of, terminal_kinds
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run
from tests.report.fake_topics import refusal_study


def test_cells_stand_below_each_other_and_off_topic_last(tmp_path):
    kinds = kinds_of(summarise("s", read_study(refusal_study(tmp_path / "s", seeds=1))))
    assert [(row.kind, row.cell) for row in kinds.rows] == [
        (kind, cell)
        for kind in ("capital", "currency", "river", "off topic")
        for cell in ("loss=answer", "loss=answer_end")
    ]
    assert kinds.columns == ("exact_match", "f1", "refused")
    assert kinds.header == ("kind", "cell", "questions", "Exact match, %", "F1, %", "Refused, %")
    assert {row.examples for row in kinds.rows} == {8}
    assert "off topic" in kinds.explanation


def test_refusals_are_explained_where_there_are_some(tmp_path):
    by_kind = {"river": {"examples": 10, "exact_match": 0.5}, "sea": {"examples": 20, "exact_match": 0.7}}
    add_run(tmp_path / "s", "all", 0, metrics={"test": {"exact_match": 0.6}, "kinds": by_kind})
    kinds = kinds_of(summarise("s", read_study(tmp_path / "s")))
    assert kinds.columns == ("exact_match",)
    assert "refused" not in kinds.explanation


def test_what_is_refused_is_told_of_each_kind(tmp_path):
    by_kind = {
        "river": {"examples": 10, "exact_match": 0.5, "refusal_recall": 0.0, "false_refusal_rate": 0.2},
        "refusal": {"examples": 20, "exact_match": 0.75, "refusal_recall": 0.75, "false_refusal_rate": 0.0},
    }
    for seed in (0, 1):
        add_run(tmp_path / "s", "all", seed, metrics={"test": {"exact_match": 0.6}, "kinds": by_kind})
    summary = summarise("s", read_study(tmp_path / "s"))
    kinds = kinds_of(summary)
    assert [row.figures[1].mean for row in kinds.rows] == [0.2, 0.75]
    # Wilson's interval of 2 of 10: two seeds are no further questions
    assert kinds.texts(kinds.rows[0])[-1] == "20.0 [5.7, 51.0]"
    console = Console(width=80, file=io.StringIO())
    console.print(terminal_kinds(kinds))
    assert console.file.getvalue().splitlines()[4].split() == ["river", "tiny_gpt_neo", "10", "50.0", "20.0"]


def test_one_kind_makes_no_table(study):
    assert kinds_of(study).rows == ()
