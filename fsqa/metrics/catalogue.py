"""Every metric fsqa reports."""

from fsqa.metrics import calibration, ranking_figures, refusals, similarity, text
from fsqa.metrics.metric import Metric


def _by_name(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: dict[str, Metric] = _by_name(
    Metric(
        "exact_match",
        "Exact match",
        "higher",
        True,
        "Share of answers that equal a reference after SQuAD normalisation (lower case, no punctuation, no articles "
        "a/an/the, white space joined), the maximum over all references.",
        column="exact_match",
    ),
    Metric(
        "f1",
        "F1",
        "higher",
        True,
        "Harmonic mean of precision and recall between the bags of normalised tokens of answer and reference, the "
        "maximum over all references, then the mean over examples.",
        column="f1",
    ),
    Metric(
        "answerable_exact_match",
        "Answerable, exact match",
        "higher",
        True,
        "Exact match over the questions that have an answer in their document, where some have none (HasAns of SQuAD "
        "2.0).",
    ),
    Metric(
        "answerable_f1",
        "Answerable, F1",
        "higher",
        True,
        "F1 over the questions that have an answer in their document, where some have none (HasAns of SQuAD 2.0).",
    ),
    Metric(
        "unanswerable_exact_match",
        "Unanswerable, exact match",
        "higher",
        True,
        "Share of the questions without an answer in their document that are given none (NoAns of SQuAD 2.0; its F1 "
        "is the same).",
    ),
    Metric(
        "answer_nll",
        "Answer NLL",
        "lower",
        False,
        "Plain negative log-likelihood of the answer tokens in nats under teacher forcing, without smoothing and "
        "without the end token, the mean over all answer tokens of the split; of plain text every token is an "
        "answer, but for the first of a document that no start token opens.",
        column="answer_nll",
        weight="reference_tokens",
    ),
    Metric(
        "perplexity",
        "Perplexity",
        "lower",
        False,
        "Exponential of the answer NLL.",
    ),
    Metric(
        "token_accuracy",
        "Token accuracy",
        "higher",
        True,
        "Teacher-forced share of answer tokens that are the arg max, per example, then the mean over examples.",
        column="token_accuracy",
    ),
    Metric(
        "token_accuracy_of_batches",
        "Token accuracy of batches",
        "higher",
        True,
        "Token accuracy averaged over batches of 8 in dataset order, a short last batch counting like a full one: the "
        "definition of some earlier work, for comparison only.",
    ),
    Metric(
        "stop_rate",
        "Stop rate",
        "higher",
        True,
        "Share of generations that emitted the end token within generation.max_new_tokens.",
        column="stopped",
    ),
    Metric(
        "echo_rate",
        "Echo rate",
        "lower",
        True,
        "Share of predictions that are not empty and all of whose normalised words stand in the question.",
    ),
    Metric(
        "repetition_rate",
        "Repetition rate",
        "lower",
        True,
        "Share of predictions that run in circles: one to four tokens that come three times in a row.",
    ),
    Metric(
        "answer_length",
        "Answer length",
        None,
        False,
        "Mean number of generated tokens, without the end token.",
    ),
    *refusals.METRICS,
    *text.METRICS,
    *calibration.METRICS,
    *similarity.METRICS,
    *ranking_figures.METRICS,
    Metric(
        "examples",
        "Examples",
        None,
        False,
        "Number of examples in the split that the figures are taken over.",
    ),
)
"""What is measured on a split; values are fractions in 0..1 where ``percent`` is set."""

OPTIONS = {
    **{metric.name: "text" for metric in text.METRICS},
    **{metric.name: "calibration" for metric in calibration.METRICS},
    **{metric.name: "similarity" for metric in similarity.METRICS},
    **{metric.name: ranking_figures.option_of(metric.name) for metric in ranking_figures.METRICS},
}
"""Of the figures that are not always there: the option of ``metrics`` with which they come."""

COSTS: dict[str, Metric] = _by_name(
    Metric("seconds", "Seconds", "lower", False, "Wall-clock time of the training loop in seconds."),
    Metric("steps", "Steps", None, False, "Optimizer steps taken."),
    Metric("examples_per_second", "Examples / s", "higher", False, "Training examples per second of the loop."),
    Metric("tokens_per_second", "Tokens / s", "higher", False, "Training tokens, without padding, per second."),
    Metric("peak_memory_mb", "Peak memory, MB", "lower", False, "Largest memory held at once, in megabytes."),
    Metric("parameters", "Parameters", None, False, "Weights in the model, tied weights counted once."),
    Metric("trainable_parameters", "Trainable", None, False, "Weights that learn, tied weights counted once."),
    Metric("checkpoint_mb", "Checkpoint, MB", "lower", False, "Size of a checkpoint, which holds what learns."),
)
"""What a run costs."""

BASELINES: dict[str, str] = {
    "untouched": "untouched model",
    "most_frequent_answer": "most frequent answer",
    "nearest_question": "nearest question",
    "refuse_everything": "refuse everything",
    "copy_input": "copy of the question",
    "after_last_cue": "text after the last cue",
    "query": "the query itself",
    "query_repeated": "the query repeated",
    "random_passage": "random passage",
    "human_answer": "human answer",
    "unigram": "token frequencies",
}
"""The do-nothing baselines and what a table calls them."""
