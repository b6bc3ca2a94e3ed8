from fsqa.report.finding import finding
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_topics import ranking_study, refusal_study
from tests.report.test_summary import summary_of


def test_weighed_shares_keep_their_interval_within_0_and_1(tmp_path):
    summary = summary_of(refusal_study(tmp_path / "s"))
    for row in summary.rows:
        for name in ("refusal_f1", "refusal_precision", "on_topic_exact_match"):
            assert 0 <= row.estimates[name].low <= row.estimates[name].high <= 1


def test_ranked_texts_are_ordered_by_their_mean_rank_unless_a_metric_is_named(tmp_path):
    runs = read_study(ranking_study(tmp_path / "s"))
    summary = summarise("s", runs)
    assert (summary.main, summary.ranked[0].label) == ("bm25_loc", "loss=answer")
    assert summary.best["bm25_loc"] == {"loss=answer"}
    assert finding(summary).startswith("loss=answer has the lowest rank of the answer (BM25), ")
    assert "No baseline" not in finding(summary)
    assert summarise("s", runs, metric="embedding_top_1").main == "embedding_top_1"


def test_the_finding_of_one_cell_reads_as_a_sentence(tmp_path):
    runs = [run for run in read_study(ranking_study(tmp_path / "s", seeds=1)) if run.choices["loss"] == "answer"]
    assert finding(summarise("s", runs)).startswith(
        "The rank of the answer (BM25) of tiny_gpt_neo is 2.95 ± 0.59 with one seed. "
    )
    by_share = finding(summarise("s", runs, metric="bm25_top_1"))
    assert by_share.startswith("The top 1 (BM25) of tiny_gpt_neo is ")
    assert "% with one seed." in by_share


def test_controls_are_called_so_and_mark_nothing(tmp_path):
    summary = summary_of(ranking_study(tmp_path / "s", seeds=1))
    assert [each.row.label for each in summary.baselines if each.is_control] == [
        "the query itself (control)",
        "human answer (control)",
    ]
    assert all("query" not in row.mark and "human" not in row.mark for row in summary.rows)
