from fsqa.report.finding import finding
from fsqa.report.markdown import markdown_table
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_topics import ranking_study, refusal_study
from tests.report.test_table import two_cells


def test_markdown(tmp_path):
    summary = two_cells(tmp_path / "two")
    text = markdown_table(summary, finding(summary))
    assert "| loss=all *(not above nearest question (55.0))* | 3 | 50.0 ± 24.8 |" in text
    assert "| loss=answer | 2 | **70.0 ± 0.0** |" in text
    assert "| *nearest question* |  | 55.0 | — |" in text
    assert "Not averaged: answer-base-seed2: failed: ValueError: no" in text
    assert "do not have the same seeds" in text


def test_paired_columns(study):
    lines = markdown_table(study, "A sentence.").splitlines()
    header = next(line for line in lines if line.startswith("| cell"))
    assert header.endswith("| exact match, points to loss=all | p | detectable, points |")
    rows = [line for line in lines if line.startswith(("| loss=", "| *"))]
    assert all(line.count(" | ") == header.count(" | ") for line in rows)
    assert rows[0].endswith("| — | — | — |")
    assert "Holm's correction over 3 comparisons" in "\n".join(lines)


def test_many_figures_are_parted_into_two_tables(tmp_path):
    text = markdown_table(summarise("s", read_study(ranking_study(tmp_path / "s"))), "A sentence.")
    first, further = text.split("## Further figures")
    header = next(line for line in first.splitlines() if line.startswith("| cell"))
    assert header.count("Embedding, ") == header.count("BM25, ") == 3
    assert "BM25, relative rank, % ↓" in further
    assert "BM25, relative rank" not in first
    assert "*the query itself (control)*" in first


def test_small_tables(tmp_path):
    text = markdown_table(summarise("s", read_study(refusal_study(tmp_path / "s"))), "A sentence.")
    assert "| kind | cell | questions | Exact match, % | F1, % | Refused, % |" in text
    assert "| --- | --- | ---: | ---: | ---: | ---: |" in text
    assert "| loss=answer *(memorised: knows 100.0 % of its training questions and " in text
    assert "- Memorised: loss=answer knows 100.0 % of its training questions and " in text
