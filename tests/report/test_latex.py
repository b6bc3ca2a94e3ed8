import re
from dataclasses import replace

import pytest

from fsqa.report.latex import escaped, latex_table
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_topics import refusal_study, rewriting_study
from tests.report.test_labels import many
from tests.report.test_table import two_cells


def rows_of(text):
    """Cells of every row of the table, split at the ampersands that are not escaped."""
    body = text.partition(r"\toprule")[2].partition(r"\bottomrule")[0]
    lines = [line.strip() for line in body.splitlines() if line.strip().endswith(r"\\")]
    return [re.split(r"(?<!\\)&", line[:-2]) for line in lines]


def is_balanced(text):
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_the_whole_table(tmp_path):
    text = latex_table(two_cells(tmp_path / "two"))
    assert text.partition(r"\toprule")[2] == (
        "\n"
        r"    cell & $n$ & Exact match, \% $\uparrow$ & Answer NLL $\downarrow$ \\"
        "\n"
        r"    \midrule"
        "\n"
        r"    loss=all\textsuperscript{$\dagger$} & 3 & 50.0 $\pm$ 24.8 & 1.00 $\pm$ 0.00 \\"
        "\n"
        r"    loss=answer & 2 & \textbf{70.0} $\pm$ 0.0 & 1.00 $\pm$ 0.00 \\"
        "\n"
        r"    \midrule"
        "\n"
        r"    \textit{nearest question} &  & 55.0 & -- \\"
        "\n"
        r"    \bottomrule"
        "\n"
        r"  \end{tabular}"
        "\n"
        r"\end{table}"
        "\n"
    )
    assert r"\begin{tabular}{lrrr}" in text


def test_paired_columns_and_caption(study):
    text = latex_table(study)
    rows = rows_of(text)
    assert {len(row) for row in rows} == {8}
    assert rows[0][-2:] == [" Difference, points ", " $p$ "]
    assert rows[1][-2:] == [" reference ", "  "]
    caption = re.search(r"\\caption\{(.*)\}\n", text).group(1)
    for told in ("95\\% interval".replace("\\%", r" \%"), "paired permutation", "Holm's correction over 3 comparisons"):
        assert told in caption
    assert r"loss=answer\_end" in text


@pytest.mark.parametrize(
    "evil", ["a_b", "100%", "{x", "x}", "$1", "a&b", "#1", "~", "^", "\\def", "new\nline", "a\x00b"]
)
def test_no_label_can_break_it(study, evil):
    rows = tuple(replace(row, label=f"{row.label}{evil}") for row in study.rows)
    text = latex_table(replace(study, rows=rows, title=evil, comparisons={}, against=None))
    assert is_balanced(text)
    assert {len(row) for row in rows_of(text)} == {6}
    bare = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum)\{\}|\\[{}$&#%_]", "", escaped(evil))
    assert not set(bare) & set("\\{}$&#%_~^\n\x00")
    # the key of a label takes letters, digits and dashes alone
    assert re.search(r"\\label\{tab:[A-Za-z0-9-]*\}", text)


def test_a_dagger_marks_what_does_not_beat_its_baseline(tmp_path):
    text = latex_table(two_cells(tmp_path / "two"))
    assert "A dagger marks what is not clearly better than all of it in exact match." in text
    text = latex_table(summarise("s", read_study(rewriting_study(tmp_path / "s"))))
    assert "than all of it in exact match or sentence BLEU." in text
    assert [row[0].endswith(r"\textsuperscript{$\dagger$} ") for row in rows_of(text)[1:3]] == [True, False]


def test_a_paper_has_room_for_six_metrics(tmp_path):
    header = rows_of(latex_table(summarise("s", read_study(refusal_study(tmp_path / "s")))))[0]
    assert [cell.strip().partition(",")[0] for cell in header[2:8]] == [
        "Exact match",
        "On topic",
        r"Refusal F1",
        r"Refusal precision",
        r"Refusal recall",
        r"False refusals",
    ]


def test_many_cells(tmp_path):
    text = latex_table(many(tmp_path / "s", 45))
    assert r"\multicolumn{3}{l}{and 5 more cells} \\" in text
    assert "Cells are ordered by exact match." in text
