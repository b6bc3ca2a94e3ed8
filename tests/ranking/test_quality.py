import gzip
import json
from statistics import fmean

import pytest

from fsqa.ranking.quality import by_score, ndcg, reciprocal_rank


def test_gain_is_linear_and_discounted():
    assert ndcg([0, 3], 10) == pytest.approx(0.63093, abs=1e-5)
    assert ndcg([3, 0], 10) == 1
    assert ndcg([0, 0], 10) == 0
    assert ndcg([0, 1], 1) == 0


def test_the_ideal_can_hold_more_than_was_ranked():
    assert ndcg([1, 0], 10, judged=[1, 2]) == pytest.approx(1 / (2 + 1 / 1.5849625))


@pytest.mark.parametrize(
    ("grades", "depth", "relevant", "wanted"),
    [([0, 1, 2], None, 1, 1 / 2), ([0, 1, 2], None, 2, 1 / 3), ([0, 1, 2], 2, 2, 0), ([0, 0], None, 1, 0)],
)
def test_reciprocal_rank(grades, depth, relevant, wanted):
    assert reciprocal_rank(grades, depth, relevant) == wanted


def test_equal_scores_keep_their_order():
    assert by_score([1, 2, 3, 4], [0.5, 0.9, 0.5, 0.9]).tolist() == [2, 4, 1, 3]


def test_the_given_order_of_a_real_list(shared):
    """BM25 of Anserini on TREC DL 2019: the published nDCG@10."""
    with gzip.open(shared / "data/ranking/msmarco_dl19_bm25_top100.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    grades = [[grade or 0 for grade in row["passages"]["relevance"]] for row in rows]
    assert fmean(ndcg(g, 10, row["qrels_grades"]) for g, row in zip(grades, rows, strict=True)) == pytest.approx(
        0.50583, abs=5e-6
    )
    assert fmean(reciprocal_rank(g, 10, 2) for g in grades) == pytest.approx(0.70242, abs=5e-6)
