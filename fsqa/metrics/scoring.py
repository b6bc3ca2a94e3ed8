"""From answers to per-example rows, and from rows to the figures of a split."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from fsqa.metrics import refusals
from fsqa.metrics.answers import echoes, exact_match, f1, matches, with_words
from fsqa.metrics.base import Row, Scorer
from fsqa.types import REFUSAL, Record

__all__ = ["Row", "Scoring", "score_answer", "score_continuation", "score_text", "summarize"]

SEED_BATCH = 8
"""Batch size over which some earlier work averaged its token accuracy."""


SNIPPET = 80
"""Characters of a document that tell which one a row is about."""


MOST_KINDS = 12
"""Of a split with more kinds of questions no figures are given for each."""


@dataclass(frozen=True)
class Scoring:
    """How the answers of a run are scored: the scores every run has, and those it asks for by name."""

    scorers: Mapping[str, Scorer] = field(default_factory=dict)

    @property
    def needs_confidence(self) -> bool:
        """Whether rows must say how sure the model was of its answer."""
        return any(scorer.needs_confidence for scorer in self.scorers.values())

    @property
    def training_questions(self) -> int:
        """How many training questions are answered too when a run ends."""
        return max((scorer.training_questions for scorer in self.scorers.values()), default=0)

    def complete(self, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Return the scored answers to a split with the columns that take a whole split."""
        done = [row | more for row, more in zip(rows, refusals.columns(rows), strict=True)]
        for scorer in self.scorers.values():
            done = [row | more for row, more in zip(done, scorer.columns(records, done), strict=True)]
        return done

    def summarize(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the metrics of a split from its complete rows; of text that was only predicted no scorer has any."""
        metrics = summarize(rows)
        for scorer in self.scorers.values() if _answered(rows) else ():
            metrics |= scorer.figures(rows)
        return metrics

    def by_kind(self, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
        """Return the metrics of every kind of question by itself; empty where there is one kind, or very many.

        Of very many, those off topic and all others are told apart.
        """
        kinds = [str(row["kind"]) for row in rows]
        if len(set(kinds)) > MOST_KINDS and REFUSAL in kinds:
            kinds = [kind if kind == REFUSAL else "on topic" for kind in kinds]
        if not 1 < len(set(kinds)) <= MOST_KINDS:
            return {}
        groups: dict[str, list[Row]] = {kind: [] for kind in sorted(set(kinds))}
        for kind, row in zip(kinds, rows, strict=True):
            groups[kind].append(row)
        return {kind or "other": self.summarize(group) for kind, group in groups.items()}

    def baselines(self, train: Sequence[Record], test: Sequence[Record]) -> dict[str, list[str]]:
        """Return what the baselines of the scorers say, and that which refuses whatever it is asked."""
        said = {"refuse_everything": refusals.refuse_everything(test)}
        for scorer in self.scorers.values():
            said |= scorer.baselines(train, test)
        return {name: texts for name, texts in said.items() if texts}

    def signatures(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return, by figure, its protocol in the words of the package that computes it."""
        return {name: told for scorer in self.scorers.values() for name, told in scorer.signatures(rows).items()}


def _answered(rows: Sequence[Row]) -> bool:
    return bool(rows) and "prediction" in rows[0]


def score_answer(record: Record, prediction: str) -> Row:
    """Score one answer against all references of its record, or against its patterns if it has any."""
    references = with_words(record.answers)
    right = matches(prediction, record.patterns) if record.patterns else exact_match(prediction, references)
    return score_continuation(record, prediction) | {
        "exact_match": right,
        "f1": f1(prediction, references),
    }


def score_continuation(record: Record, prediction: str) -> Row:
    """Describe what was said to a record, without setting it against a reference."""
    return {
        "id": record.id,
        "kind": record.kind,
        "question": record.question,
        "references": list(record.answers),
        "prediction": prediction,
        "echoed": echoes(prediction, record.question),
    }


def score_text(record: Record, text: str, nll: float, tokens: int, correct: int) -> Row:
    """Score one document by the tokens of it that were predicted: the sum of their NLL, how many, how many right."""
    mean = nll / tokens
    return {
        "id": record.id,
        "kind": record.kind,
        "text": " ".join(text.split())[:SNIPPET],
        "answer_nll": mean,
        "perplexity": perplexity(mean),
        "token_accuracy": correct / tokens,
        "reference_tokens": tokens,
    }


def perplexity(nll: float) -> float:
    """Return the exponential; a hopeless model can have a perplexity no float holds."""
    return math.exp(min(nll, 700.0))


def summarize(rows: Sequence[Row]) -> dict[str, float]:
    """Average per-example rows into the metrics of a split; a figure that no row has is left out.

    ``answer_nll`` is a mean over answer tokens, everything else a mean over examples.
    """
    metrics: dict[str, float] = {"examples": len(rows)}
    if not rows:
        return metrics
    named = {
        "exact_match": "exact_match",
        "f1": "f1",
        "token_accuracy": "token_accuracy",
        "stop_rate": "stopped",
        "echo_rate": "echoed",
        "repetition_rate": "repeated",
        "answer_length": "answer_length",
    }
    for metric, column in named.items():
        if column in rows[0]:
            metrics[metric] = fmean(float(row[column]) for row in rows)
    metrics |= _by_answerability(rows) | refusals.figures(rows)
    if "answer_nll" in rows[0]:
        tokens = sum(row["reference_tokens"] for row in rows)
        metrics["answer_nll"] = sum(row["answer_nll"] * row["reference_tokens"] for row in rows) / tokens
        metrics["perplexity"] = perplexity(metrics["answer_nll"])
        metrics["token_accuracy_of_batches"] = mean_of_batches([row["token_accuracy"] for row in rows], SEED_BATCH)
    return metrics


def _by_answerability(rows: Sequence[Row]) -> dict[str, float]:
    """Split the scores where some questions have an answer in their document and some have none."""
    kinds = ("answerable", "unanswerable")
    if {row.get("kind") for row in rows} != set(kinds):
        return {}
    return {
        f"{kind}_{name}": fmean(float(row[name]) for row in rows if row["kind"] == kind)
        for kind in kinds
        for name in ("exact_match", "f1")
        if (kind, name) != ("unanswerable", "f1")  # the same as its exact match
    }


def mean_of_batches(values: Sequence[float], batch_size: int) -> float:
    """Average values within consecutive batches, then the batches, a short last one weighing as much as the rest."""
    batches: Iterable[Sequence[float]] = (values[i : i + batch_size] for i in range(0, len(values), batch_size))
    return fmean(map(fmean, batches))
