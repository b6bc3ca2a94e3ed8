"""The figures of a ranking as torchmetrics: means over queries that add up over batches and processes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from fsqa.ranking import fake_document
from fsqa.ranking.fake_document import SEVERAL, Several
from fsqa.ranking.order import TIES, UNANSWERABLE, Candidates, Tiers, Ties, Unanswerable, candidates, tiers
from fsqa.ranking.quality import by_score, ndcg, reciprocal_rank


class QueryMetric(Metric):
    """The mean of a figure over queries.

    ``unanswerable`` says what becomes of queries without a relevant candidate: they count like all others (``count``,
    which is what docs-ranking-metrics does), are left out (``skip``), or have a mean of their own (``separate``).
    """

    is_differentiable = False
    full_state_update = False
    totals: Tensor
    queries: Tensor
    identity: Tensor

    def __init__(self, *, unanswerable: Unanswerable = "separate", **settings: Any) -> None:
        super().__init__(**settings)
        _check("unanswerable", unanswerable, UNANSWERABLE)
        self.unanswerable = unanswerable
        zeros = torch.zeros(2, dtype=torch.float64)  # of the answerable queries, and of the others
        self.add_state("totals", zeros, dist_reduce_fx="sum")
        self.add_state("queries", zeros.clone(), dist_reduce_fx="sum")
        # A collection would take two figures for one whose states are equal after its first query; this state differs.
        self.add_state("identity", torch.zeros((), dtype=torch.int64), dist_reduce_fx="max")

    @abstractmethod
    def settings(self) -> tuple[Any, ...]:
        """Return what the figure of a query depends on, beside the query."""

    @abstractmethod
    def scored(self, scores: Any, labels: Any) -> tuple[float, bool]:
        """Return the figure of one query, and whether it is answerable."""

    def update(self, scores: Any, labels: Any) -> None:
        """Add one query (a score and a label per candidate) or several (a sequence of such sequences).

        Raises ValueError where they do not go together; then nothing was added.
        """
        found = [self.scored(*query) for query in _queries(scores, labels)]
        for value, is_answerable in found:
            self.totals[int(not is_answerable)] += value
            self.queries[int(not is_answerable)] += 1
        self.identity.fill_(crc32(repr((type(self).__name__, self.settings())).encode()))

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the mean, or under ``separate`` the two means by name; 0 where there is no query."""
        if self.unanswerable == "count":
            return self.totals.sum() / self.queries.sum().clamp_min(1)
        means = self.totals / self.queries.clamp_min(1)
        if self.unanswerable == "skip":
            return means[0]
        return {"answerable": means[0], "unanswerable": means[1]}


class FakeDocumentMetric(QueryMetric):
    """A figure of the generated texts (label -1) among a query's candidates; see :mod:`fsqa.ranking.fake_document`.

    ``relevant`` are the labels of relevant candidates, ``ties`` settles equal scores, ``several`` says what becomes of
    more than one generated text.
    """

    higher_is_better = True

    def __init__(
        self, *, relevant: Collection[int] = (1,), ties: Ties = "input", several: Several = "sum", **settings: Any
    ) -> None:
        super().__init__(**settings)
        _check("ties", ties, TIES)
        _check("several", several, SEVERAL)
        self.relevant, self.ties, self.several = frozenset(relevant), ties, several

    def settings(self) -> tuple[Any, ...]:
        """Return which labels are relevant, and the policies."""
        return sorted(self.relevant), self.ties, self.several

    @abstractmethod
    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return the figure of one query."""

    def scored(self, scores: Any, labels: Any) -> tuple[float, bool]:
        """Return the figure of one query, and whether any candidate is relevant."""
        judged = candidates(scores, labels, self.relevant)
        return self.figure(judged, tiers(judged, self.ties)), judged.is_answerable


class AverageLoc(FakeDocumentMetric):
    """Mean rank of the generated text; by chance (n + 1) / 2 of n candidates."""

    higher_is_better = False

    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return the rank."""
        return fake_document.loc(ordered, self.several)


class AverageRelLoc(FakeDocumentMetric):
    """Mean rank of the generated text divided by the number of candidates; by chance (n + 1) / 2n."""

    higher_is_better = False

    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return the rank as a share."""
        return fake_document.relative_loc(ordered, self.several)


class TopK(FakeDocumentMetric):
    """Share of queries whose generated text is among the first ``depth``; by chance depth / n."""

    def __init__(self, *, depth: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.depth = _depth(depth)

    def settings(self) -> tuple[Any, ...]:
        """Return the depth too."""
        return self.depth, *super().settings()

    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return whether it is."""
        return fake_document.top(ordered, self.depth, self.several)


class FdaroV1(FakeDocumentMetric):
    """Share of queries whose generated text stands above every relevant one; by chance 1 / (1 + relevant)."""

    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return whether it does."""
        return fake_document.fdaro_v1(ordered)


class FdaroV2(FakeDocumentMetric):
    """Share of queries whose generated text scores above at least one relevant one.

    By chance relevant / (1 + relevant).
    """

    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return whether it does."""
        return fake_document.fdaro_v2(judged)


class UpQuartile(FakeDocumentMetric):
    """Share of queries whose generated text scores at least the upper quartile of all."""

    def figure(self, judged: Candidates, ordered: Tiers) -> float:
        """Return whether it does."""
        return fake_document.up_quartile(judged)


class NormalizedDcg(QueryMetric):
    """Mean nDCG of a ranking, its labels being grades and the gain linear; a negative label is no candidate."""

    higher_is_better = True

    def __init__(self, *, depth: int = 10, **settings: Any) -> None:
        super().__init__(**settings)
        self.depth = _depth(depth)

    def settings(self) -> tuple[Any, ...]:
        """Return the depth."""
        return (self.depth,)

    def scored(self, scores: Any, labels: Any) -> tuple[float, bool]:
        """Return the nDCG of one query, and whether any candidate has a grade."""
        return _of_grades(scores, labels, lambda ranked: ndcg(ranked, self.depth))


class MeanReciprocalRank(QueryMetric):
    """Mean of 1 / rank of the first candidate with a grade of at least ``relevant``."""

    higher_is_better = True

    def __init__(self, *, depth: int | None = None, relevant: int = 1, **settings: Any) -> None:
        super().__init__(**settings)
        self.depth, self.relevant = depth if depth is None else _depth(depth), relevant

    def settings(self) -> tuple[Any, ...]:
        """Return the depth and the lowest relevant grade."""
        return self.depth, self.relevant

    def scored(self, scores: Any, labels: Any) -> tuple[float, bool]:
        """Return the reciprocal rank of one query, and whether any candidate is relevant."""
        return _of_grades(
            scores, labels, lambda ranked: reciprocal_rank(ranked, self.depth, self.relevant), self.relevant
        )


def _of_grades(scores: Any, labels: Any, figure: Callable[[Any], float], relevant: int = 1) -> tuple[float, bool]:
    judged = candidates(scores, labels, relevant=())
    real = ~judged.is_fake
    grades = np.asarray(labels)[real]
    return figure(by_score(grades, judged.scores[real])), bool((grades >= relevant).any())


def _queries(scores: Any, labels: Any) -> Iterator[tuple[Any, Any]]:
    """Yield one query or several; tensors become arrays."""
    scores, labels = (
        given.detach().cpu().numpy() if isinstance(given, Tensor) else given for given in (scores, labels)
    )
    if not len(scores) or np.ndim(scores[0]) == 0:
        yield scores, labels
        return
    if len(scores) != len(labels):
        raise ValueError(f"wanted scores and labels of as many queries, came {len(scores)} and {len(labels)}")
    yield from zip(scores, labels, strict=True)


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name}: wanted {', '.join(known)}, came '{value}'")


def _depth(depth: int) -> int:
    if depth < 1:
        raise ValueError(f"depth: wanted 1 or more, came {depth}")
    return depth
