"""How near an answer comes to its references in meaning, as an embedding has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from fsqa.errors import InputError
from fsqa.metrics.base import Row, Scorer
from fsqa.metrics.metric import Metric
from fsqa.types import Record

if TYPE_CHECKING:
    from fsqa.ranking.embedding import Embedding

METRICS = (
    Metric(
        "similarity",
        "Similarity",
        "higher",
        False,
        "Mean over examples of the cosine between the embeddings of answer and reference, the maximum over all "
        "references; between -1 and 1, and 0 for a text that the embedding knows nothing of. Embeddings differ in "
        "what they call near: compare figures of one embedding only.",
        column="similarity",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Similarity(Scorer):
    """The cosine between embeddings of answer and reference."""

    model: Embedding

    def __post_init__(self) -> None:
        if not hasattr(self.model, "vectors"):
            raise InputError(
                f"metrics.similarity.model: wanted an embedding, such as fsqa.ranking.MeanPooling, came {self.model!r}"
            )

    @property
    def measures(self) -> frozenset[str]:
        """Names of the figures it can give."""
        return frozenset(metric.name for metric in METRICS)

    def columns(self, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Return the ``similarity`` of each answer and its nearest reference; every text is embedded once."""
        references = [row["references"] or [""] for row in rows]
        texts = sorted({*(row["prediction"] for row in rows), *(text for each in references for text in each)})
        if not texts:
            return []
        places, vectors = {text: place for place, text in enumerate(texts)}, self.model.vectors(texts)
        nearest = (
            max(float(vectors[places[reference]] @ vectors[places[row["prediction"]]]) for reference in each)
            for row, each in zip(rows, references, strict=True)
        )
        return [{"similarity": cosine} for cosine in nearest]

    def figures(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the mean of ``similarity``; nothing of no rows."""
        return {"similarity": fmean(row["similarity"] for row in rows)} if rows else {}

    def signatures(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return which embedding it is."""
        return {"similarity": f"cosine|mean:example|multi:max|{self.model!r}"}
