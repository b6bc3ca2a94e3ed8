import pytest

from fsqa.report.marks import mark
from fsqa.study.statistics import Estimate


def estimate(mean, low=None, high=None):
    return Estimate(mean, low, high, (mean,))


def one(**figures):
    return {name: estimate(value) for name, value in figures.items()}


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (estimate(0.5, 0.4, 0.6), ""),
        (estimate(0.3, 0.2, 0.4), "not above nearest question (30.0)"),
        (estimate(0.35, 0.2, 0.5), "not clearly above nearest question (30.0)"),
    ],
    ids=["better", "equal", "unsure"],
)
def test_the_strongest_baseline_has_to_be_beaten(own, said):
    rivals = {"untouched": one(exact_match=0.1), "nearest_question": one(exact_match=0.3)}
    assert mark(["exact_match"], {"exact_match": own}, rivals) == said


def test_lower_is_better_where_it_is():
    rivals = {"unigram": one(answer_nll=7.0)}
    assert mark(["answer_nll"], one(answer_nll=8.0), rivals) == "not below token frequencies (7.00)"
    assert mark(["answer_nll"], one(answer_nll=3.0), rivals) == ""


def test_controls_are_no_rivals():
    rivals = {name: one(bm25_loc=1.0) for name in ("query", "query_repeated", "human_answer")}
    assert mark(["bm25_loc"], one(bm25_loc=4.0), rivals) == ""
    assert mark(["bm25_loc"], one(bm25_loc=4.0), rivals | {"random_passage": one(bm25_loc=3.5)}) == (
        "not below random passage (3.50)"
    )


def test_a_copy_is_beaten_in_exact_match_and_not_in_bleu():
    rivals = {"copy_input": one(exact_match=0.0, sentence_bleu=0.53)}
    metrics = ["exact_match", "sentence_bleu"]
    assert mark(metrics, one(exact_match=0.2, sentence_bleu=0.4), rivals) == (
        "not above copy of the question (53.0 in sentence BLEU)"
    )
    both = mark(metrics, one(exact_match=0.0, sentence_bleu=0.4), rivals)
    assert both == "not above copy of the question (0.0, 53.0 in sentence BLEU)"
    assert mark(metrics, one(exact_match=0.2, sentence_bleu=0.6), rivals) == ""


def test_what_is_no_rewrite_is_no_rival_in_bleu():
    rivals = {"refuse_everything": one(exact_match=0.2, sentence_bleu=0.2)}
    assert mark(["exact_match", "sentence_bleu"], one(exact_match=0.9, sentence_bleu=0.2), rivals) == ""


def test_a_second_metric_in_which_nothing_scores_says_nothing():
    rivals = {"copy_input": one(exact_match=0.1, sentence_bleu=0.0)}
    assert mark(["exact_match", "sentence_bleu"], one(exact_match=0.5, sentence_bleu=0.0), rivals) == ""


def test_without_a_figure_or_a_rival_there_is_nothing_to_say():
    assert mark(["exact_match"], {}, {"untouched": one(exact_match=0.1)}) == ""
    assert mark(["exact_match"], one(exact_match=0.0), {}) == ""
