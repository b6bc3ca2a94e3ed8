"""The tokenizer of a run, learned from its training split once and then found in the cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fsqa.data.cache import cached, key_of
from fsqa.data.prepare import PreparedRecords
from fsqa.model import tokenizer as byte_pairs
from fsqa.model import word_pieces
from fsqa.model.scratch import Scratch
from fsqa.model.source import ModelSource, TokenizerKind
from fsqa.model.tokenizer import read_learned, with_added_tokens, write_learned


def prepare_tokenizer(source: ModelSource, kind: TokenizerKind, records: PreparedRecords, cache: Path) -> Any:
    """Return the source's tokenizer; one that it learns is learned into the cache, or found there.

    It is the same, to its key and to what a run saves, as ``source.tokenizer`` makes.
    """
    import tokenizers

    texts = records.splits["train"].texts
    if not isinstance(source, Scratch) or source.tokenizer_path is not None:
        return source.tokenizer(texts, kind)
    code = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (byte_pairs, word_pieces)]
    key = key_of("tokenizer", records.key, kind, source.vocabulary, tokenizers.__version__, code)
    plain = replace(source, added_tokens=[])

    def make(folder: Path) -> None:
        write_learned(plain.tokenizer(texts, kind), folder)

    # Added tokens come afterwards, so that runs that differ in them alone learn one tokenizer between them.
    return with_added_tokens(cached(cache / "tokenizers", key, make, read_learned), source.added_tokens)
