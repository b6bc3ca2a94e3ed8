"""What is measured of a generated text among the passages of its question, by each ranker."""

from fsqa.metrics.metric import Better, Metric

RANKERS = {
    "bm25": "BM25",
    "embedding": "Embedding",
    "cross_encoder": "Cross-encoder",
    "minilm": "MiniLM",
    "labse": "LaBSE",
    "use": "USE",
}
"""The names that a ranker can have, and what a table calls it."""
COUNTED, NO_RELEVANT, COUNTED_APART = "ranking_counted", "no_relevant", "ranking_counted_apart"
"""Columns: whether a query counts in the figures, whether none of its passages is relevant, and whether it counts in
the figures that such queries have of their own."""
APART = ("loc", "top_1")
"""Figures that queries without a relevant passage have of their own."""

Figure = tuple[str, str, Better, bool, str]

FIGURES: tuple[Figure, ...] = (
    (
        "loc",
        "rank of the answer",
        "lower",
        False,
        "Mean rank of the generated text among the passages of its question, the best being 1; by chance (n + 1) / 2 "
        "of n texts (AverageLoc of docs-ranking-metrics).",
    ),
    (
        "relative_loc",
        "relative rank",
        "lower",
        True,
        "Mean rank of the generated text divided by the number of texts; by chance (n + 1) / 2n (AverageRelLoc).",
    ),
    ("top_1", "top 1", "higher", True, "Share of questions whose generated text is ranked first; by chance 1 / n."),
    (
        "top_3",
        "top 3",
        "higher",
        True,
        "Share of questions whose generated text is among the first 3; by chance 3 / n.",
    ),
    (
        "top_5",
        "top 5",
        "higher",
        True,
        "Share of questions whose generated text is among the first 5; by chance 5 / n.",
    ),
    (
        "fdaro_v1",
        "above all relevant",
        "higher",
        True,
        "Share of questions whose generated text is ranked above every relevant passage; by chance 1 / (1 + relevant) "
        "(FDARO@v1).",
    ),
    (
        "fdaro_v2",
        "above a relevant",
        "higher",
        True,
        "Share of questions whose generated text scores above at least one relevant passage; by chance relevant / (1 + "
        "relevant) (FDARO@v2).",
    ),
    (
        "up_quartile",
        "upper quartile",
        "higher",
        True,
        "Share of questions whose generated text scores at least the upper quartile of all, by linear interpolation "
        "(UpQuartile as it is meant: the package's 0.0.4 compares the label).",
    ),
    (
        "ndcg_10",
        "nDCG@10",
        "higher",
        True,
        "Of the passages without the generated text: normalised discounted cumulative gain of the first 10, the gain "
        "being the grade, the ideal order that of the same passages; how good the ranker is, whatever was generated.",
    ),
    (
        "reciprocal_rank",
        "MRR",
        "higher",
        True,
        "Of the passages without the generated text: mean of 1 / rank of the first relevant one.",
    ),
)
"""Of each ranker's figures: the end of its name and its title, which way is better, whether it is a share, how it is
measured. "Better" is for whom the text is generated to be ranked high."""


def _metrics(ranker: str, title: str) -> list[Metric]:
    """Return a ranker's figures, each a mean over the questions that count, some of them also over the others."""
    return [
        Metric(f"{ranker}_{end}", f"{title}, {name}", better, percent, how, column=f"{ranker}_{end}", weight=COUNTED)
        for end, name, better, percent, how in FIGURES
    ] + [
        Metric(
            f"{ranker}_{end}_no_relevant",
            f"{title}, {name}, none relevant",
            better,
            percent,
            f"The same over the questions that have no relevant passage. {how}",
            column=f"{ranker}_{end}",
            weight=COUNTED_APART,
        )
        for end, name, better, percent, how in FIGURES
        if end in APART
    ]


METRICS = (
    *(metric for ranker, title in RANKERS.items() for metric in _metrics(ranker, title)),
    Metric(
        "no_relevant_share",
        "No relevant passage",
        None,
        True,
        "Share of questions none of whose passages is relevant; above a relevant one is then every generated text by "
        "definition, so such questions stand apart.",
        column=NO_RELEVANT,
    ),
)


def option_of(metric: str) -> str:
    """Return the option of the group ``metrics`` with which a figure comes: its ranker's own, or the plain one."""
    ranker = next((name for name in RANKERS if metric.startswith(f"{name}_")), "bm25")
    return "ranking" if ranker == "bm25" else f"ranking_{ranker}"
