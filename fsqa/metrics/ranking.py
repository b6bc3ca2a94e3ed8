"""How high rankers put a generated text among the passages of its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from fsqa.errors import InputError, did_you_mean
from fsqa.metrics.base import Row, Scorer
from fsqa.metrics.ranking_figures import COUNTED, COUNTED_APART, METRICS, NO_RELEVANT, RANKERS
from fsqa.ranking.base import Ranker
from fsqa.ranking.controls import human_answer, passage_of_another, repeated
from fsqa.ranking.fake_document import figures as fake_document_figures
from fsqa.ranking.order import FAKE, candidates
from fsqa.ranking.quality import by_score, ndcg, reciprocal_rank
from fsqa.types import Record


@final
@dataclass(kw_only=True, eq=False)
class Ranking(Scorer):
    """Figures of the generated text as one more passage, the last of its question, under each of some rankers.

    Each question has the columns ``<ranker>_<figure>`` of :mod:`fsqa.metrics.ranking_figures`, so that two generators
    can be compared question by question. ``no_relevant`` says whether none of its passages has the grade ``relevant``,
    and ``ranking_counted`` whether it counts in the figures, ``ranking_counted_apart`` whether in those of its kind.
    """

    rankers: dict[str, Ranker]
    relevant: int
    unanswerable: Literal["separate", "skip", "count"]
    ties: Literal["input", "best", "worst", "expected"]
    passages: int | None

    def __post_init__(self) -> None:
        if not self.rankers:
            raise InputError("metrics.ranking.rankers: wanted one or more rankers, came none; take bm25 for one")
        for name in self.rankers:
            if name not in RANKERS:
                near = did_you_mean(name, RANKERS)
                raise InputError(
                    f"metrics.ranking.rankers: no figures are named after '{name}'{near}; take {', '.join(RANKERS)}"
                )
        if self.relevant < 1:
            raise InputError(f"metrics.ranking.relevant: wanted a grade of 1 or more, came {self.relevant}")
        if self.passages is not None and self.passages < 1:
            raise InputError(
                f"metrics.ranking.passages: wanted 1 or more, came {self.passages}; null takes all of a question"
            )

    @property
    def measures(self) -> frozenset[str]:
        """Names of the figures it can give: those of its rankers, and the share of questions without a passage."""
        own = (*(f"{name}_" for name in self.rankers), NO_RELEVANT)
        return frozenset(metric.name for metric in METRICS if metric.name.startswith(own))

    def columns(self, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Rank every prediction among its record's passages; what is of the ranker alone is measured without it."""
        taken = [self._passages(record) for record in records]
        queries, lists = [record.question for record in records], [texts for texts, _ in taken]
        columns = [self._facts(grades) for _, grades in taken]
        beside = [[*texts, str(row["prediction"])] for texts, row in zip(lists, rows, strict=True)]
        for name, ranker in self.rankers.items():
            alone, among = ranker.scores_of(queries, lists), ranker.scores_of(queries, beside)
            for column, (_, grades), real, scores in zip(columns, taken, alone, among, strict=True):
                ranked = by_score(grades, real)
                judged = candidates(scores, [*(int(grade >= self.relevant) for grade in grades), FAKE])
                found = fake_document_figures(judged, self.ties)
                found["ndcg_10"] = ndcg(ranked, 10)
                found["reciprocal_rank"] = reciprocal_rank(ranked, relevant=self.relevant)
                column |= {f"{name}_{figure}": value for figure, value in found.items()}
        return columns

    def figures(self, rows: Sequence[Row]) -> dict[str, float]:
        """Average the columns over the questions that count; a figure over no question at all is left out."""
        figures = {}
        for metric in METRICS:
            if metric.column not in rows[0]:
                continue
            values = np.array([row[metric.column] for row in rows], dtype=np.float64)
            weights = np.array([row[metric.weight] if metric.weight else 1 for row in rows], dtype=np.float64)
            if weights.any():
                figures[metric.name] = float(np.average(values, weights=weights))
        return figures

    def baselines(self, train: Sequence[Record], test: Sequence[Record]) -> dict[str, list[str]]:
        """Return the query itself, the query repeated, a random passage of another question, and the human answer.

        The query is repeated to the mean length of its own passages. Where there is no human answer it is empty.
        """
        return {
            "query": [record.question for record in test],
            "query_repeated": [repeated(record.question, self._passages(record)[0]) for record in test],
            "random_passage": [passage_of_another(record, test) for record in test],
            "human_answer": [human_answer(record) for record in test],
        }

    def signatures(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return, by figure of a ranker, that ranker and every setting that decides the figure."""
        policy = f"ties:{self.ties}|relevant:{self.relevant}|unanswerable:{self.unanswerable}|passages:{self.passages}"
        return {
            figure: f"{ranker!r}|{policy}"
            for name, ranker in self.rankers.items()
            for figure in self.figures(rows)
            if figure.startswith(f"{name}_")
        }

    def _facts(self, grades: Sequence[int]) -> Row:
        is_without = all(grade < self.relevant for grade in grades)
        return {
            NO_RELEVANT: int(is_without),
            COUNTED: int(self.unanswerable == "count" or not is_without),
            COUNTED_APART: int(self.unanswerable == "separate" and is_without),
        }

    def _passages(self, record: Record) -> tuple[list[str], list[int]]:
        """Return the record's passages and their grades: all of them, or so many, filled up with empty ones."""
        if not record.candidates:
            raise InputError(
                f"record '{record.id}' has no passages to rank its answer among; take ranking out of metrics, or a "
                "dataset that has them, such as dataset=ms_marco"
            )
        if len(record.candidates) != len(record.relevance):
            raise InputError(
                f"record '{record.id}' has {len(record.candidates)} passages and {len(record.relevance)} grades; "
                "give each passage a grade, 0 for one that does not answer the question"
            )
        texts, grades = list(record.candidates[: self.passages]), list(record.relevance[: self.passages])
        missing = (self.passages or 0) - len(texts)
        return [*texts, *[""] * missing], [*grades, *[0] * missing]
