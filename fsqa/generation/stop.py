"""A text that ends an answer: when a row has said it, and where the answer is cut."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class StopText:
    """Tells which rows have just said the text; called as transformers calls its ``StoppingCriteria``."""

    def __init__(self, text: str, tokenizer: Any, width: int) -> None:
        """Take the text, and the length of the padded questions, in which it does not count."""
        self.text, self.tokenizer, self.width = text, tokenizer, width
        self.tail = len(text.encode()) + 1
        """Tokens that surely hold a text that ends with the last of them."""

    def __call__(self, ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """Return for each row whether the text is complete."""
        import torch

        ended = [self.is_said(row) for row in ids[:, self.width :].tolist()]
        return torch.tensor(ended, dtype=torch.bool, device=ids.device)

    def is_said(self, ids: list[int]) -> bool:
        """Return whether the text is complete in what was generated, for the first time or shortly after."""
        return self._is_in(ids[-self.tail :]) and self._is_in(ids)

    def _is_in(self, ids: list[int]) -> bool:
        return self.text in self.tokenizer.decode(ids)


def cut_at(text: str, ids: Sequence[int], tokenizer: Any) -> tuple[str, list[int]] | None:
    """Return what was said before the text, and the tokens that hold nothing of it; None where it was never said.

    The text may begin and end within tokens, and may be a special token. It depends on the ids alone, so what shares a
    batch, and what a row goes on with after its end, does not matter.
    """

    def said(count: int) -> str:
        return str(tokenizer.decode(list(ids[:count])))

    if text not in said(len(ids)):
        return None
    whole = bisect_left(range(len(ids)), True, key=lambda count: text in said(count))
    first = said(whole).index(text)
    before = bisect_right(range(whole), first, key=lambda count: len(said(count))) - 1
    plain = str(tokenizer.decode(list(ids[:whole]), skip_special_tokens=True))
    return plain.partition(text)[0].strip(), list(ids[:before])
