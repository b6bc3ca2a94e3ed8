"""BLEU and chrF: of a whole split as sacrebleu gives them, and BLEU of each sentence for its plain mean.

The two BLEUs of the same outputs differ by several points, so a figure without its protocol says little.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest
from typing import Any

ORDER = 4
"""Longest n-grams that BLEU counts."""


def corpus_bleu(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return sacrebleu's BLEU of a split in 0..1, each prediction beside one or more references of its own."""
    return corpus_score(_bleu(), predictions, references)


def corpus_chrf(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return sacrebleu's chrF2 of a split in 0..1, each prediction beside one or more references of its own."""
    return corpus_score(_chrf(), predictions, references)


def corpus_score(metric: Any, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the score in 0..1 that a metric of sacrebleu gives to predictions with references of their own."""
    # sacrebleu takes all first references, all second ones and so on, with None where there is none.
    return metric.corpus_score(predictions, list(zip_longest(*references))).score / 100


def sacrebleu_signatures(references: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return sacrebleu's signatures of ``bleu`` and ``chrf`` for predictions with so many references each."""
    counts = {len(each) for each in references}
    metrics = {"bleu": _bleu(), "chrf": _chrf()}
    for metric in metrics.values():
        metric.num_refs = max(counts) if len(counts) == 1 else -1  # -1 is sacrebleu's word for "it varies"
    return {name: str(metric.get_signature()) for name, metric in metrics.items()}


def sentence_bleu(prediction: str, references: Sequence[str]) -> float:
    """Return the unsmoothed BLEU of one prediction in 0..1: the protocol of Hugging Face's ``evaluate``.

    Tokens of mteval-v13a, n-grams up to 4 with equal weights; 0 when the prediction has fewer than 4 tokens or shares
    no n-gram of some length with the references. Of several references the shortest sets the brevity penalty (sacrebleu
    takes the nearest in length). Papineni et al. 2002.
    """
    said, *wanted = (_tokens(text) for text in (prediction, *references))
    log_precision = 0.0
    for n in range(1, ORDER + 1):
        most: Counter[tuple[str, ...]] = Counter()
        for tokens in wanted:
            most |= _ngrams(tokens, n)
        shared = (_ngrams(said, n) & most).total()
        if not shared:
            return 0.0
        log_precision += math.log(shared / (len(said) - n + 1)) / ORDER
    brevity = min(0.0, 1 - min(map(len, wanted)) / len(said))
    return math.exp(log_precision) * math.exp(brevity)


def _ngrams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def _tokens(text: str) -> list[str]:
    return _tokenizer()(text).split()


@cache
def _tokenizer() -> Any:
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    return Tokenizer13a()


def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(force=True)  # without a warning where the data itself is tokenised


def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
