import pytest

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.ranking_figures import RANKERS
from fsqa.report.headlines import (
    FIRST_TO_GO,
    FURTHER,
    HEADERS,
    TEXT,
    TOPICS,
    WITH_INTERVAL,
    headlines,
    is_of_text,
    judged_by,
    main_metric,
)

ANSWERED = {"exact_match", "f1", "answer_nll", "perplexity", "stop_rate", "answer_length", "token_accuracy"}
REFUSALS = {
    "refusal_f1",
    "refusal_precision",
    "refusal_recall",
    "leak_rate",
    "false_refusal_rate",
    "on_topic_exact_match",
}
OF_TEXT = {"answer_nll", "perplexity", "token_accuracy", "examples"}


def ranked(*rankers):
    return {f"{ranker}_{figure}" for ranker in rankers for figure in ("loc", "top_1", "fdaro_v1", "ndcg_10")}


@pytest.mark.parametrize(
    ("measured", "main", "shown"),
    [
        (ANSWERED, "exact_match", "exact_match f1 answer_nll stop_rate"),
        (OF_TEXT, "answer_nll", "answer_nll perplexity token_accuracy"),
        (
            ANSWERED | REFUSALS,
            "exact_match",
            "exact_match on_topic_exact_match refusal_f1 refusal_precision refusal_recall false_refusal_rate leak_rate "
            "f1 answer_nll stop_rate",
        ),
        (
            {"exact_match", "f1", "bleu", "sentence_bleu", "word_edits", "chrf"},
            "exact_match",
            "exact_match bleu sentence_bleu word_edits f1",
        ),
        (
            ranked("embedding", "bm25") | OF_TEXT,
            "bm25_loc",
            "bm25_loc bm25_top_1 bm25_fdaro_v1 embedding_loc embedding_top_1 embedding_fdaro_v1 answer_nll perplexity "
            "token_accuracy",
        ),
        (set(), "exact_match", ""),
    ],
    ids=["answers", "text", "refusals", "rewriting", "ranking", "nothing"],
)
def test_what_was_measured_decides(measured, main, shown):
    assert main_metric(measured) == main
    assert headlines(measured) == tuple(shown.split())


def test_a_chosen_metric_stands_first_once():
    assert headlines(ANSWERED, "f1") == ("f1", "exact_match", "answer_nll", "stop_rate")
    assert headlines(ANSWERED, "token_accuracy")[0] == "token_accuracy"


def test_rewriting_is_judged_by_bleu_too():
    assert judged_by({"exact_match", "sentence_bleu"}, "exact_match") == ("exact_match", "sentence_bleu")
    assert judged_by({"exact_match", "sentence_bleu"}, "sentence_bleu") == ("sentence_bleu",)
    assert judged_by(ANSWERED, "exact_match") == ("exact_match",)


def test_ranked_texts_answer_questions():
    assert is_of_text(OF_TEXT, "answer_nll")
    assert not is_of_text(OF_TEXT | ranked("bm25"), "bm25_loc")
    assert not is_of_text(ANSWERED, "answer_nll")


def test_all_names_are_those_of_the_catalogue():
    named = {figure for topic in (*TOPICS, TEXT) for figure in (topic.known_by, *topic.figures)}
    named |= {*FIRST_TO_GO, *FURTHER, *WITH_INTERVAL} - {"seconds"}
    named |= {name for name in HEADERS if name.partition("_")[0] not in RANKERS}
    assert named <= METRICS.keys()
