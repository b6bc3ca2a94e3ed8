"""What every encoding has: a tokenizer, a longest row, and the tokens that open and close one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from fsqa.encode.words import WordMemory
from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Record


class Encoder(ABC):
    """Turns prompts into rows of tokens with roles, with one tokenizer and one maximum length.

    Segments are tokenised apart and joined, so that every token gets the role of its segment.
    """

    def __init__(self, *, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.end_id, self.start_id = end_token(tokenizer), start_token(tokenizer)
        self.memory = WordMemory(tokenizer)

    @property
    def fingerprint(self) -> list[object]:
        """Everything beside the tokenizer that decides the rows; what JSON can hold."""
        return [type(self).__name__, self.max_length]

    @abstractmethod
    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> Sequence[Example]:
        """Encode rows to train or score on, at most ``max_length`` tokens each.

        ``Example.record`` tells which of the prompts a row belongs to. Raises InputError with the prompt's name.
        """

    def decode(self, ids: Iterable[int]) -> str:
        """Turn generated ids into an answer: special tokens left out, outer white space stripped."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def answer_tokens(self, prompt: Prompt, pieces: Sequence[Sequence[int]], name: str) -> list[int]:
        """Join the tokens of a prompt's answer, which follow those of what is given.

        Raises InputError, with the prompt's name, for an answer without a token, and for one that holds the end token.
        """
        answer = [token for piece in pieces[len(prompt.given) :] for token in piece]
        self.check_answer(prompt, answer, name)
        return answer

    def check_answer(self, prompt: Prompt, answer: Sequence[int], name: str) -> None:
        """Raise InputError, with the prompt's name, for an answer without a token or with the end token in it."""
        if not answer:
            raise InputError(f"{name}: the answer {prompt.answer[0].text!r} has no token in this tokenizer")
        if self.end_id in answer:
            raise InputError(
                f"{name}: the answer holds the end token {self.tokenizer.decode([self.end_id])!r} itself, and would be "
                "cut there; take it out of the data"
            )

    def tokenize(self, texts: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """Tokenise every piece of every row apart, each different text once, and group the pieces by row.

        Equal pieces are one list, so none may be changed.
        """
        different = list(dict.fromkeys(text for row in texts for text in row))
        pieces = self.memory.pieces(different)
        tokens = {text: pieces[i].tolist() for i, text in enumerate(different)}
        return [[tokens[text] for text in row] for row in texts]


def end_token(tokenizer: Any) -> int:
    """Return the id that closes a row: the end token, or BERT's ``[SEP]``."""
    end: int = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    return end


def start_token(tokenizer: Any) -> int:
    """Return the id that opens a row: the start token, BERT's ``[CLS]``, or where there is neither the end token."""
    for token in (tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    return end_token(tokenizer)


def example(
    ids: Sequence[int], roles: Sequence[int], truncated: int = 0, record: int = 0, answer_cut: int = 0
) -> Example:
    """Make an example of plain lists."""
    import numpy as np  # late: objectives, which know their encoder, are made before anything heavy is needed

    return Example(
        ids=np.array(ids, np.int32),
        roles=np.array(roles, np.uint8),
        truncated=truncated,
        record=record,
        answer_cut=answer_cut,
    )


def row_name(record: Record) -> str:
    """Name a record in an error message."""
    return f"row '{record.id}' ({(record.question or record.context)[:60]!r})"
