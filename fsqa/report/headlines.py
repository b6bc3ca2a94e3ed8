"""Which figures speak for a study: told by what its runs measured, once for table, paper, page, dashboard and card."""

from collections.abc import Collection
from dataclasses import dataclass

from fsqa.metrics.ranking_figures import RANKERS

MAIN = "exact_match"
"""The metric that orders cells and is set against the baselines, wherever answers were set against references."""
MAIN_OF_TEXT = "answer_nll"
"""The same where plain text was only predicted."""
MAINS_OF_RANKING = tuple(f"{ranker}_loc" for ranker in RANKERS)
"""The same where texts were only ranked, the first of these that was measured: it uses every rank, not the first."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that a study can be about."""

    known_by: str
    """A figure that is measured wherever the study is about it."""
    figures: tuple[str, ...]
    """What tells it, in the order of a table."""


ANSWERS = Topic("exact_match", ("exact_match", "f1", "answer_nll", "stop_rate"))
TEXT = Topic("answer_nll", ("answer_nll", "perplexity", "token_accuracy"))
REWRITING = Topic("sentence_bleu", ("exact_match", "bleu", "sentence_bleu", "word_edits"))
TOPICS = (
    Topic(
        "refusal_f1",
        (
            "exact_match",
            "on_topic_exact_match",
            "refusal_f1",
            "refusal_precision",
            "refusal_recall",
            "false_refusal_rate",
            "leak_rate",
        ),
    ),
    REWRITING,
    *(Topic(f"{name}_loc", (f"{name}_loc", f"{name}_top_1", f"{name}_fdaro_v1")) for name in RANKERS),
    Topic("calibration_error", ("calibration_error", "confidence")),
    Topic("similarity", ("similarity",)),
    ANSWERS,
)
"""The further from plain question answering, the earlier: who measures such a thing wants to see it."""
FURTHER = ("answer_length", "examples", "seconds")
"""What a wide terminal shows beside the headlines; the number of examples where they are texts."""
FIRST_TO_GO = (
    "answer_length",
    "seconds",
    "answer_nll",
    "stop_rate",
    "f1",
    "token_accuracy",
    "examples",
    "confidence",
    "leak_rate",
    "refusal_precision",
    "refusal_recall",
)
"""Columns that a narrow terminal leaves out first, in this order; after them go the last of the headlines."""
WITH_INTERVAL = ("exact_match", "f1", "answer_nll", "on_topic_exact_match", "refusal_f1", "sentence_bleu")
"""Figures whose interval stands in a terminal too, beside that of the main metric: others are told by their mean."""
HEADERS = {
    "exact_match": "EM %",
    "f1": "F1 %",
    "answer_nll": "answer NLL",
    "stop_rate": "stop %",
    "answer_length": "length",
    "perplexity": "perplexity",
    "token_accuracy": "tokens right %",
    "examples": "documents",
    "on_topic_exact_match": "on topic EM %",
    "refusal_f1": "refusal F1 %",
    "refusal_precision": "precision %",
    "refusal_recall": "recall %",
    "false_refusal_rate": "false ref. %",
    "leak_rate": "leaks %",
    "bleu": "BLEU %",
    "sentence_bleu": "sent. BLEU %",
    "word_edits": "word edits %",
    "calibration_error": "ECE %",
    **{f"{name}_loc": f"{title} rank" for name, title in RANKERS.items()},
    **{f"{name}_top_1": f"{title} top 1 %" for name, title in RANKERS.items()},
    **{f"{name}_fdaro_v1": f"{title} FDARO %" for name, title in RANKERS.items()},
}
"""What a terminal calls a figure, where it has not the room for its title."""


def main_metric(measured: Collection[str]) -> str:
    """Return the metric that orders the cells: exact match, else the first ranker's mean rank, else the answer NLL."""
    return next((name for name in (MAIN, *MAINS_OF_RANKING, MAIN_OF_TEXT) if name in measured), MAIN)


def headlines(measured: Collection[str], main: str | None = None) -> tuple[str, ...]:
    """Return the measured figures that speak for a study, the main metric first."""
    topics = (*TOPICS, *(() if ANSWERS.known_by in measured else (TEXT,)))
    figures = (figure for topic in topics if topic.known_by in measured for figure in topic.figures)
    named = dict.fromkeys((main or main_metric(measured), *figures))
    return tuple(name for name in named if name in measured)


def judged_by(measured: Collection[str], main: str) -> tuple[str, ...]:
    """Return the metrics in which a cell has to beat what needs no training.

    Beside the main metric it is sentence BLEU where questions were rewritten: a copy of the question never matches its
    reference exactly, and yet comes near it.
    """
    also = (REWRITING.known_by,) if REWRITING.known_by in measured else ()
    return tuple(dict.fromkeys((main, *also)))


def is_of_text(measured: Collection[str], main: str) -> bool:
    """Whether plain texts were predicted, and no question asked."""
    return main != MAIN and not any(name in measured for name in (MAIN, *MAINS_OF_RANKING))
