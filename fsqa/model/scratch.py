"""A random start of a named architecture, at any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fsqa.model.build import architecture_config, finish_model, random_model, token_settings
from fsqa.model.shrink import TINY_VOCABULARY, shrunk_sizes
from fsqa.model.source import DECODER, ModelSource, TokenizerKind, Wanted
from fsqa.model.tokenizer import check_added_tokens, learn_tokenizer, read_tokenizer, with_added_tokens
from fsqa.model.word_pieces import learn_word_pieces


@dataclass(frozen=True, kw_only=True)
class Scratch(ModelSource):
    """A randomly initialised model, with a tokenizer learned from the training split or read from a folder."""

    architecture: str
    """A transformers model type: gpt_neo, gpt2, llama, gpt_neox, opt, qwen2 ..."""
    size: dict[str, Any]
    """Settings of its config, by their transformers names; what is not named keeps the architecture's default."""
    vocabulary: int
    """Most tokens a learned tokenizer may have."""
    tokenizer_path: str | None
    """Hub id or folder of a tokenizer to use instead of learning one."""
    added_tokens: list[str]
    """Special tokens to add to the vocabulary."""
    dtype: str
    attention: str | None
    """eager, sdpa, flash_attention_2; null lets transformers choose."""
    gradient_checkpointing: bool
    compile: bool
    """Whether torch.compile makes each block faster."""

    def __post_init__(self) -> None:
        check_added_tokens(self.added_tokens)

    def tokenizer(self, texts: Callable[[], Iterator[str]], kind: TokenizerKind = "bytes") -> Any:
        """Read the named tokenizer, or learn one from the training split."""
        if self.tokenizer_path is not None:
            tokenizer = read_tokenizer(self.tokenizer_path, revision=None)
        else:
            learn = learn_word_pieces if kind == "word_pieces" else learn_tokenizer
            tokenizer = learn(texts(), self.vocabulary)
        return with_added_tokens(tokenizer, self.added_tokens)

    def model(self, tokenizer: Any, max_length: int, seed: int, wanted: Wanted = DECODER) -> Any:
        """Initialise the architecture for this vocabulary from the seed."""
        config = architecture_config(self.architecture, {**self.size, **token_settings(tokenizer)})
        model = random_model(config, seed, self.dtype, self.attention, wanted)
        return finish_model(
            model,
            tokenizer,
            max_length,
            gradient_checkpointing=self.gradient_checkpointing,
            compiled=self.compile,
        )

    def shrunk(self) -> Scratch:
        """Return the same architecture with tiny sizes and a tokenizer learned from the data."""
        return replace(
            self,
            size=shrunk_sizes(architecture_config(self.architecture, self.size)),
            vocabulary=min(self.vocabulary, TINY_VOCABULARY),
            tokenizer_path=None,
        )
