import pytest

from fsqa.metrics.catalogue import METRICS
from fsqa.report.labels import metric_name, short_label, shown_rows, wrapped_label
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run


def many(folder, cells):
    """Cells with growing scores; the first is the one the others are compared with."""
    for number in range(cells):
        metrics = {"test": {"exact_match": number / 100}}
        changes = {"optimizer__learning_rate": number + 1}
        add_run(folder, "all", 0, cell=str(number), metrics=metrics, changes=changes)
    return summarise("many", read_study(folder))


def test_labels():
    assert short_label("loss=all, optimizer.lr=0.1, #3f") == "loss=all, lr=0.1, #3f"
    assert short_label("optimizer.lr=0.0012345678, seed=1234567890") == "lr=0.0012346, seed=1234567890"
    assert short_label("lr=3.0000000000000004e-05, width=0.001") == "lr=3e-05, width=0.001"
    assert wrapped_label("loss=answer_end, model.config.width=128", 20) == "loss=answer_end,\nwidth=128"


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("exact_match", "exact match"),
        ("f1", "F1"),
        ("answer_nll", "answer NLL"),
        ("chrf", "chrF"),
        ("on_topic_exact_match", "exact match (on topic)"),
        ("bm25_loc", "rank of the answer (BM25)"),
        ("labse_ndcg_10", "nDCG@10 (LaBSE)"),
        ("cross_encoder_loc_no_relevant", "rank of the answer, none relevant (cross-encoder)"),
    ],
)
def test_names_of_metrics_inside_a_sentence(metric, name):
    assert metric_name(METRICS[metric]) == name


@pytest.mark.parametrize(
    ("cells", "most", "scores"),
    [
        (4, 20, [0, 1, 2, 3]),
        (4, 3, [3, 2, 0]),
        (14, 20, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ],
    ids=["a few in their order", "the best and the one compared with", "many by score"],
)
def test_rows_that_are_shown(tmp_path, cells, most, scores):
    rows = shown_rows(many(tmp_path / "s", cells), most)
    assert [round(100 * row.estimates["exact_match"].mean) for row in rows] == scores
