"""BERT's kind of tokenizer, learned from the training split: lower-case words, cut into pieces."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fsqa.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, START, SEPARATOR, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = [PAD, UNKNOWN, START, SEPARATOR, MASK]
CONTINUES = "##"
"""What a piece within a word begins with."""
ASCII = sorted({*string.ascii_lowercase, *string.digits, *string.punctuation})
"""Characters that are always known, though no training text may hold them: a prompt may."""
LEAST = 120
"""Fewer tokens could not hold the special ones and every ASCII character, letters and digits within words too."""
RARE_SHARE = 8
"""Beyond that, of so many tokens one at most is another character; within words it takes a second one."""


def learn_word_pieces(texts: Iterator[str], vocabulary: int) -> Any:
    """Learn at most ``vocabulary`` word pieces, BERT's special tokens among them.

    As in BERT (uncased), text is lower-cased, accents are taken off, and punctuation and Chinese characters stand
    alone. Characters beyond ASCII that are too rare to be learned become ``[UNK]``. Learning is deterministic.
    """
    from tokenizers import trainers
    from transformers import PreTrainedTokenizerFast

    if vocabulary < LEAST:
        raise InputError(f"model.vocabulary: wanted at least {LEAST} word pieces, got {vocabulary}")
    known = list(texts)
    core = _tokenizer({UNKNOWN: 0})
    alphabet = [*ASCII, *_others(core, known, (vocabulary - LEAST) // RARE_SHARE)]
    # The trainer numbers characters within words as it meets them, in no fixed order, and breaks ties by number.
    # Named beforehand they have their numbers; afterwards only the vocabulary is kept, in which they are not special.
    named = [*SPECIAL, *(CONTINUES + character for character in alphabet if character.isalnum())]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=named,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    core.train_from_iterator(known, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(core.get_vocab()),
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=START,
        sep_token=SEPARATOR,
        mask_token=MASK,
        model_input_names=["input_ids", "attention_mask"],
    )


def _tokenizer(pieces: dict[str, int]) -> Tokenizer:
    """Return a tokenizer that cuts text as BERT (uncased) does, into these pieces."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    core = Tokenizer(models.WordPiece(pieces, unk_token=UNKNOWN))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    return core


def _others(core: Tokenizer, texts: list[str], most: int) -> list[str]:
    """Return the most frequent characters beyond ASCII; of equally frequent ones the lower code points."""
    counts = Counter(character for text in texts for character in core.normalizer.normalize_str(text))
    others = [character for character in counts if not character.isascii() and not character.isspace()]
    return sorted(others, key=lambda character: (-counts[character], character))[:most]
