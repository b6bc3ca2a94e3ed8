"""Tokenizers: learned from the training split, or read from a folder or the hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fsqa.errors import InputError

START, END, PAD = "<|start|>", "<|end|>", "<|pad|>"
LEARNED, LEARNED_SETTINGS = "tokenizer.json", "settings.json"
"""Files of a learned tokenizer that is kept."""


def learn_tokenizer(texts: Iterator[str], vocabulary: int) -> Any:
    """Learn a byte-level BPE of at most ``vocabulary`` tokens, with a start, an end and a pad token of their own.

    Learning is deterministic. Every text can be encoded and decoded without loss.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocabulary < len(alphabet) + 3:
        raise InputError(
            f"model.vocabulary: wanted at least {len(alphabet) + 3} (all bytes and 3 special tokens), got {vocabulary}"
        )
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=[START, END, PAD], initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token=START, eos_token=END, pad_token=PAD)


def is_learned(tokenizer: Any) -> bool:
    """Say whether a tokenizer was learned by :func:`learn_tokenizer`, by its special tokens."""
    return bool(tokenizer.bos_token == START and tokenizer.eos_token == END and tokenizer.pad_token == PAD)


def write_learned(tokenizer: Any, folder: Path) -> None:
    """Write a tokenizer that was learned, and nothing added to it, for :func:`read_learned`."""
    settings = {name: value for name, value in tokenizer.init_kwargs.items() if name != "backend"}
    (folder / LEARNED_SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
    (folder / LEARNED).write_text(tokenizer.backend_tokenizer.to_str(), encoding="utf-8")


def read_learned(folder: Path) -> Any:
    """Return a learned tokenizer as it came from learning, without a trace of the folder."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    settings = json.loads((folder / LEARNED_SETTINGS).read_text(encoding="utf-8"))
    core = Tokenizer.from_str((folder / LEARNED).read_text(encoding="utf-8"))
    return PreTrainedTokenizerFast(tokenizer_object=core, **settings)


def read_tokenizer(path: str, revision: str | None) -> Any:
    """Load a tokenizer from a hub id or folder.

    Of GPT-2 a bare ``vocab.json`` with ``merges.txt`` will do, of BERT (uncased) a bare ``vocab.txt``. Raises
    InputError when there is no tokenizer, or when it has no token that closes a row.
    """
    from transformers import AutoTokenizer, BertTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast

    folder = Path(path).expanduser()
    if folder.is_dir():
        files = {file.name for file in folder.iterdir()}
        if {"vocab.json", "merges.txt"} <= files and not files & {"tokenizer.json", "config.json"}:
            return GPT2Tokenizer.from_pretrained(str(folder))
        if "vocab.txt" in files and not files & {"tokenizer.json", "tokenizer_config.json", "config.json"}:
            return BertTokenizer.from_pretrained(str(folder))
        if not files & {"tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model", "vocab.txt"}:
            raise InputError(
                f"model.path: no tokenizer in {folder.resolve()}; wanted tokenizer.json, vocab.json and "
                "merges.txt, or vocab.txt; save one there with tokenizer.save_pretrained, or name another with "
                "model.tokenizer_path"
            )
    # For some architectures (qwen2) transformers would put its own class, with tokens of its own, before the saved one.
    saved_class = _saved_class(folder / "tokenizer_config.json")
    kind = PreTrainedTokenizerFast if saved_class in ("TokenizersBackend", "PreTrainedTokenizerFast") else AutoTokenizer
    try:
        tokenizer = kind.from_pretrained(str(folder) if folder.is_dir() else path, revision=revision)
    except (OSError, ValueError) as error:
        raise InputError(f"model: cannot load the tokenizer of '{path}': {first_line(error)}") from None
    if tokenizer.eos_token_id is None and tokenizer.sep_token_id is None:
        raise InputError(
            f"model: the tokenizer of '{path}' has no end token; set eos_token in its tokenizer_config.json"
        )
    return tokenizer


def check_added_tokens(added_tokens: list[str]) -> None:
    """Raise InputError for added tokens that no text could hold, or that stand there twice."""
    for token in added_tokens:
        if not token.strip() or token != token.strip():
            raise InputError(
                f"model.added_tokens: wanted tokens without blanks around them, such as <END>, got {token!r}"
            )
        if added_tokens.count(token) > 1:
            raise InputError(f"model.added_tokens: '{token}' stands there twice; name each token once")


def with_added_tokens(tokenizer: Any, added_tokens: list[str]) -> Any:
    """Add special tokens to a vocabulary, each at its end; one that is there already only becomes special."""
    if added_tokens:
        special = {"extra_special_tokens": list(added_tokens)}
        tokenizer.add_special_tokens(special, replace_extra_special_tokens=False)
    return tokenizer


def _saved_class(config: Path) -> str | None:
    try:
        return json.loads(config.read_text(encoding="utf-8")).get("tokenizer_class")
    except (OSError, ValueError, AttributeError):
        return None


def tokenizer_key(tokenizer: Any) -> str:
    """Hash everything that decides how a tokenizer encodes, a chat too."""
    state = tokenizer.backend_tokenizer.to_str() if tokenizer.is_fast else repr(sorted(tokenizer.get_vocab().items()))
    special = " ".join(f"{name} {token}" for name, token in sorted(tokenizer.special_tokens_map.items()))
    return hashlib.sha256(f"{state}{special}{tokenizer.chat_template or ''}".encode()).hexdigest()[:20]


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
