"""How near an answer comes to its references letter for letter, word for word and phrase for phrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from fsqa.metrics.base import Row, Scorer
from fsqa.metrics.bleu import corpus_bleu, corpus_chrf, sacrebleu_signatures, sentence_bleu
from fsqa.metrics.edits import edit_rate
from fsqa.metrics.metric import Metric
from fsqa.metrics.repair import after_last_cue
from fsqa.metrics.rouge import rouge, rouge_signatures
from fsqa.types import Record

METRICS = (
    Metric(
        "bleu",
        "BLEU",
        "higher",
        True,
        "BLEU of the whole split by sacrebleu with its defaults: tokens of mteval-v13a, case kept, n-grams up to 4, "
        "exponential smoothing, all references.",
    ),
    Metric(
        "sentence_bleu",
        "Sentence BLEU",
        "higher",
        True,
        "Plain mean over examples of unsmoothed sentence BLEU as in Hugging Face evaluate: tokens of mteval-v13a, case "
        "kept, n-grams 1 to 4, 0 where an n-gram length has no match or the answer under 4 tokens, all references, the "
        "shortest for the brevity penalty.",
        column="sentence_bleu",
    ),
    Metric(
        "chrf",
        "chrF",
        "higher",
        True,
        "chrF2 of the whole split by sacrebleu with its defaults: character n-grams up to 6 without white space, case "
        "kept, recall weighing twice as much as precision, the best reference.",
    ),
    *(
        Metric(
            f"rouge_{kind.lower()}",
            f"ROUGE-{kind}",
            "higher",
            True,
            f"Mean over examples of the F-measure of {shared} by rouge_score: lower-cased runs of a-z and 0-9 as "
            "tokens, no stemming, the best reference.",
            column=f"rouge_{kind.lower()}",
        )
        for kind, shared in (
            ("1", "shared tokens"),
            ("2", "shared pairs of tokens"),
            ("L", "the longest common subsequence of tokens"),
        )
    ),
    Metric(
        "word_edits",
        "Word edits",
        "lower",
        True,
        "Word error rate of the whole split: inserted, deleted and substituted words ÷ words of the references, words "
        "as white space parts them, case and punctuation kept; of several references the one with the lowest rate, an "
        "empty one counting as one word.",
        column="word_edits",
        weight="reference_words",
    ),
    Metric(
        "character_edits",
        "Character edits",
        "lower",
        True,
        "Character error rate of the whole split: inserted, deleted and substituted characters ÷ characters of the "
        "references without outer white space; of several references the one with the lowest rate, an empty one "
        "counting as one character.",
        column="character_edits",
        weight="reference_characters",
    ),
    Metric(
        "verbatim_match",
        "Verbatim match",
        "higher",
        True,
        "Share of answers that equal a reference letter for letter, but for outer white space.",
        column="verbatim_match",
    ),
    Metric(
        "copied",
        "Copied",
        "lower",
        True,
        "Share of answers that equal the question letter for letter, but for outer white space.",
        column="copied",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Text(Scorer):
    """Overlap with the references, edits away from them, and copying of the question: for answers that are sentences.

    An answer without a reference is scored against the empty text.
    """

    @property
    def measures(self) -> frozenset[str]:
        """Names of the figures it can give."""
        return frozenset(metric.name for metric in METRICS)

    def columns(self, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Return what each answer adds to the figures; those of a whole split, BLEU and chrF, have no column."""
        return [_columns(row) for row in rows]

    def figures(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return every figure of :data:`METRICS`; none of no rows."""
        if not rows:
            return {}
        predictions, references = [row["prediction"] for row in rows], [_references(row) for row in rows]
        figures = {"bleu": corpus_bleu(predictions, references), "chrf": corpus_chrf(predictions, references)}
        means = (metric for metric in METRICS if metric.column)
        return figures | {metric.name: _mean(rows, metric.column, metric.weight) for metric in means}

    def baselines(self, train: Sequence[Record], test: Sequence[Record]) -> dict[str, list[str]]:
        """Return the questions themselves, and what a rule that finishes a speaker's correction makes of them.

        The rule is left out where it changes no question.
        """
        questions = [record.question for record in test]
        repaired = [after_last_cue(question) for question in questions]
        return {"copy_input": questions, **({"after_last_cue": repaired} if repaired != questions else {})}

    def signatures(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return the signatures of sacrebleu and rouge_score for the figures of these rows."""
        signatures = sacrebleu_signatures([_references(row) for row in rows])
        parts = dict(part.split(":") for part in signatures["bleu"].split("|"))
        alone = f"mean:sentence|case:mixed|eff:no|tok:13a|smooth:none|version:{parts['version']}"
        return {**signatures, "sentence_bleu": alone, **rouge_signatures()}


def _references(row: Row) -> list[str]:
    return row["references"] or [""]


def _columns(row: Row) -> Row:
    said, references = row["prediction"].strip(), [reference.strip() for reference in _references(row)]
    word_edits, words = edit_rate(said.split(), [reference.split() for reference in references])
    character_edits, characters = edit_rate(said, references)
    return {
        "sentence_bleu": sentence_bleu(said, references),
        **rouge(said, references),
        "word_edits": word_edits,
        "reference_words": words,
        "character_edits": character_edits,
        "reference_characters": characters,
        "verbatim_match": int(said in references),
        "copied": int(said == row["question"].strip()),
    }


def _mean(rows: Sequence[Row], column: str, weight: str) -> float:
    if not weight:
        return fmean(row[column] for row in rows)
    return fmean((row[column] for row in rows), weights=[row[weight] for row in rows])
