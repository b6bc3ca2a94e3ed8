"""Tokenising by words: a tokenizer that first splits a text into words meets each of them once, however often it comes.

It is exact because such a tokenizer encodes every word apart, and because it is done only where the split is known to
the letter: in texts of printable ASCII, and tabs and line breaks, without a token that was added to the vocabulary.
Every other text goes to the tokenizer as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fsqa.encode.pieces import Pieces, concatenated, pieces_of

BORDER = "\0"
"""Stands between the texts that are split together, and in none of them."""

BYTE_LEVEL = r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9\0]+|\s+(?![^\s\0])|\s+|\0"
"""The split of GPT-2 and all who took it over, for ASCII."""
BERT = r"[A-Za-z0-9]+|[!-/:-@\[-`{-~]|\0"
"""BERT's: white space is dropped, and every punctuation mark is a word."""

UNUSUAL = r"[^\0\t\n\r -~]"
"""What the patterns were not written for."""

MOST_LETTERS = 1 << 20
"""Letters that are split at a time, so that long documents take no more memory than short questions."""

MOST_WORDS = 1 << 17
"""Words that are remembered before all are forgotten: some tens of megabytes."""


class WordMemory:
    """Tokenises texts with a tokenizer's own words, of which those met before are looked up."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._added: tuple[str, ...] | None = None
        self._pattern: re.Pattern[str] | None = None
        self._unusual = re.compile(UNUSUAL)
        self._numbers, self._words = _forgotten()

    def pieces(self, texts: Sequence[str]) -> Pieces:
        """Return the tokens of each text, without special tokens around them."""
        self._refresh()
        if self._pattern is None:
            return self._plain(texts)
        return concatenated([self._group(self._pattern, group) for group in _groups(texts)] or [pieces_of([])])

    def _group(self, pattern: re.Pattern[str], texts: list[str]) -> Pieces:
        joined = BORDER.join(texts)
        if joined.count(BORDER) != len(texts) - 1:  # a text holds what should stand between two
            return self._plain(texts)
        if not (odd := self._odd(joined, texts)):
            return self._split(pattern, joined)
        usual = list(texts)
        for i in odd:
            usual[i] = ""
        found = self._split(pattern, BORDER.join(usual))
        return found.with_others(odd, self._plain([texts[i] for i in odd]))

    def _odd(self, joined: str, texts: list[str]) -> list[int]:
        """Return which texts have to be tokenised as a whole."""
        import numpy as np

        places = [match.start() for match in self._unusual.finditer(joined)]
        if not places:
            return []
        ends = np.cumsum([len(text) + 1 for text in texts])
        odd: list[int] = np.unique(np.searchsorted(ends, places, side="right")).tolist()
        return odd

    def _split(self, pattern: re.Pattern[str], joined: str) -> Pieces:
        """Return the tokens of the texts between the borders."""
        import numpy as np

        known = len(self._numbers)
        words = pattern.findall(joined)
        numbers = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
        if len(self._numbers) > known:
            self._words = concatenated([self._words, self._plain(list(self._numbers)[known:])])
        sizes = np.diff(np.flatnonzero(numbers == 0), prepend=-1, append=len(numbers)) - 1
        found = self._words.chosen(numbers[numbers != 0]).joined(sizes)
        if len(self._numbers) > MOST_WORDS:
            self._numbers, self._words = _forgotten()
        return found

    def _plain(self, texts: Sequence[str]) -> Pieces:
        if not texts:
            return pieces_of([])
        return pieces_of(
            self._tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
        )

    def _refresh(self) -> None:
        """Start afresh when tokens were added since the last call."""
        added = tuple(sorted(self._tokenizer.get_added_vocab()))
        if self._added != added:
            self._added = added
            self._pattern = word_pattern(self._tokenizer)
            self._unusual = re.compile("|".join([UNUSUAL, *map(re.escape, added)]))
            self._numbers, self._words = _forgotten()


def word_pattern(tokenizer: Any) -> re.Pattern[str] | None:
    """Return how a tokenizer splits ASCII into words that it encodes apart; None where that is not known for sure."""
    from tokenizers import models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        return None
    if type(tokenizer)._encode_plus is not PreTrainedTokenizerFast._encode_plus:  # it does something of its own
        return None
    backend = tokenizer.backend_tokenizer
    splitter, model, normalizer = backend.pre_tokenizer, backend.model, backend.normalizer
    if isinstance(model, models.BPE) and isinstance(splitter, pre_tokenizers.ByteLevel) and normalizer is None:
        plain = model.dropout is None and splitter.use_regex and not splitter.add_prefix_space
        return re.compile(BYTE_LEVEL) if plain else None
    if isinstance(model, models.WordPiece) and isinstance(splitter, pre_tokenizers.BertPreTokenizer):
        # A token that is looked for in normalised text could be found where its letters do not stand.
        plain = not any(token.normalized for token in tokenizer.added_tokens_decoder.values())
        return re.compile(BERT) if plain and isinstance(normalizer, normalizers.BertNormalizer) else None
    return None


class _Numbers(dict[str, int]):
    """Numbers what is asked for the first time."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def _forgotten() -> tuple[_Numbers, Pieces]:
    """Return a memory without a word; number 0 is the border between two texts, which has no tokens."""
    return _Numbers({BORDER: 0}), pieces_of([[]])


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the texts in groups of limited size; a longer text is a group of its own."""
    group: list[str] = []
    size = 0
    for text in texts:
        if group and size + len(text) > MOST_LETTERS:
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text) + 1
    if group:
        yield group
