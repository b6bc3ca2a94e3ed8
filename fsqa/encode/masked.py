"""One row a record for a model that fills masks: the given text, a separator, then the answer and its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from fsqa.encode.base import Encoder, example
from fsqa.encode.punctuation import closed_up
from fsqa.encode.sequence import cut_given
from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Role

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

CHUNK = 10_000
"""Answers that are tokenised at once to see how long they are."""
LEAST_GIVEN = 3
"""Start token, one token of the question, separator."""


class MaskedEncoder(Encoder):
    """Rows for an encoder that fills ``masks`` masks: ``[CLS] question [SEP] answer [SEP]``.

    The last token is the end of the answer, a target like the answer's own. Rows hold the plain targets;
    :meth:`masked` makes of them what the model sees, in training and in answering alike. Whatever of an answer
    and its end goes beyond the masks is cut, and counted.
    """

    def __init__(self, *, tokenizer: Any, max_length: int, masks: int) -> None:
        super().__init__(tokenizer=tokenizer, max_length=max_length)
        if tokenizer.mask_token_id is None:
            raise InputError(
                "objective=masked: the tokenizer has no mask token; take a model that was made to fill masks, such as "
                "model=distilbert, or set objective=causal"
            )
        if max_length < LEAST_GIVEN + masks + 1:
            raise InputError(
                f"objective.masks={masks} leaves no room for a question in max_length={max_length}; lower it "
                "(or objective.coverage, where the data decides), or raise max_length"
            )
        self.masks = masks
        self.mask_id = int(tokenizer.mask_token_id)
        separator = tokenizer.sep_token_id
        self.separator_id = self.end_id if separator is None else int(separator)

    @property
    def fingerprint(self) -> list[object]:
        """Everything beside the tokenizer that decides the rows."""
        return [*super().fingerprint, self.masks]

    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> list[Example]:
        """Encode rows to train or score on: given text, separator, and at most ``masks`` targets.

        Raises InputError, naming the row, when an answer has no token or holds the end token itself.
        """
        pieces = self.tokenize([[s.text for s in (*prompt.given, *prompt.answer)] for prompt in prompts])
        return [self._example(*row, i) for i, row in enumerate(zip(prompts, pieces, names, strict=True))]

    def questions(self, prompts: Sequence[Prompt]) -> list[Example]:
        """Encode what a model is asked with: everything before the masks."""
        pieces = self.tokenize([[s.text for s in prompt.given] for prompt in prompts])
        return [example(*self._given(*row)) for row in zip(prompts, pieces, strict=True)]

    def masked(
        self, ids: Int[Tensor, "batch time"], given: Int[Tensor, " batch"]
    ) -> tuple[Int[Tensor, "batch width"], Int[Tensor, "batch width"]]:
        """Return what the model sees of rows whose first ``given`` tokens are visible, and its attention mask.

        The masks and a closing separator follow what is given. A target stands where its mask stands: nothing is
        shifted.
        """
        import torch

        width = int(given.max()) + self.masks + 1
        place = torch.arange(width, device=ids.device)
        after = place - given[:, None]  # 0 at the first mask
        seen = torch.nn.functional.pad(ids, (0, width - ids.shape[1]))  # crops where that is negative
        seen = seen.masked_fill(after >= 0, self.mask_id).masked_fill(after >= self.masks, self.separator_id)
        return seen, (after <= self.masks).long()

    def decode(self, ids: Iterable[int]) -> str:
        """Turn filled ids into an answer: pieces joined to words, punctuation where it belongs.

        A word piece at the start, whose head is missing, loses its ``##``.
        """
        from tokenizers.models import WordPiece

        text = super().decode(ids)
        model = self.tokenizer.backend_tokenizer.model
        if not isinstance(model, WordPiece):
            return text
        return closed_up(text.removeprefix(model.continuing_subword_prefix))

    def _example(self, prompt: Prompt, pieces: list[list[int]], name: str, record: int) -> Example:
        answer = self.answer_tokens(prompt, pieces, name)
        ids, roles, truncated = self._given(prompt, pieces[: len(prompt.given)])
        targets = [*answer, self.end_id][: self.masks]
        ids += targets
        roles += ([int(Role.ANSWER)] * len(answer) + [int(Role.END)])[: self.masks]
        return example(ids, roles, truncated, record, answer_cut=len(answer) + 1 - len(targets))

    def _given(self, prompt: Prompt, pieces: list[list[int]]) -> tuple[list[int], list[int], int]:
        """Join start token, given pieces and separator, cut so that the masks and their closing separator fit."""
        ids = [self.start_id] if prompt.start else []
        excess = max(0, len(ids) + sum(map(len, pieces)) + 1 + self.masks + 1 - self.max_length)
        roles = [int(Role.PROMPT)] * len(ids)
        for segment, piece in zip(prompt.given, cut_given(prompt, pieces, excess), strict=True):
            ids += piece
            roles += [int(segment.role)] * len(piece)
        return [*ids, self.separator_id], [*roles, int(Role.PROMPT)], excess


def masks_for(tokenizer: Any, prompts: Iterable[Prompt], coverage: float) -> int:
    """Return the fewest masks that hold a share ``coverage`` of the answers whole, each with its end token."""
    needed: Counter[int] = Counter()
    remaining = iter(prompts)
    while chunk := list(islice(remaining, CHUNK)):
        texts = [segment.text for prompt in chunk for segment in prompt.answer]
        pieces = iter(tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"])
        needed.update(sum(len(next(pieces)) for _ in prompt.answer) + 1 for prompt in chunk)
    wanted, held = coverage * needed.total(), 0
    for masks in sorted(needed):
        held += needed[masks]
        if held >= wanted:
            return masks
    return max(needed)
