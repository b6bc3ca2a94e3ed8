from fsqa.report.markdown import markdown_table
from fsqa.report.summary import summarise
from fsqa.report.variants import variant_rows
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


def summary(folder):
    """One cell whose three runs scored two settings, and one that has none."""
    for seed, (own, other) in enumerate([(0.4, 0.5), (0.5, 0.5), (0.6, 0.8)]):
        metrics = {
            "test": {"exact_match": own, "f1": 0.9},
            "variants": {"used": {"exact_match": own, "f1": 0.9}, "other": {"exact_match": other}},
        }
        add_run(folder, "answer", seed, metrics=metrics)
    add_run(folder, "all", 0, metrics={"test": {"exact_match": 0.1}})
    return summarise("study", read_study(folder))


def test_every_setting_has_its_scores_and_its_difference(tmp_path):
    rows = variant_rows(summary(tmp_path / "study"))
    # the half width of 0.4, 0.5, 0.6 is 4.303 * 0.1 / sqrt(3), that of 0.5, 0.5, 0.8 is 4.303 * sqrt(0.03) / sqrt(3)
    assert [row.texts for row in rows] == [
        ("loss=answer", "used", "50.0 ± 24.8", "90.0 ± 0.0", "0.0"),
        ("loss=answer", "other", "60.0 ± 43.0", "—", "+10.0"),
    ]


def test_markdown(tmp_path):
    of = summary(tmp_path / "study")
    page = markdown_table(of, "A sentence.", variant_rows(of))
    assert "## Post-processing" in page
    assert page.endswith("| loss=answer | other | 60.0 ± 43.0 | — | +10.0 |\n")
    assert "Post-processing" not in markdown_table(of, "A sentence.")
