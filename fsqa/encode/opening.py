"""The beginning of a text, which a model of plain text is to finish."""

from __future__ import annotations

from collections.abc import Sequence

from fsqa.encode.sequence import SequenceEncoder
from fsqa.types import Example, Prompt


class OpeningEncoder(SequenceEncoder):
    """Rows that a model writes on from: a start token where texts have one, and the beginning.

    ``max_length``, the size of the blocks that texts are learned in, bounds what is given alone: what is generated may
    go beyond a block, as far as the model has positions.
    """

    def questions(self, prompts: Sequence[Prompt], room: int) -> list[Example]:
        """Encode beginnings of at most ``max_length`` tokens, whatever ``room`` the generated text takes after them."""
        return super().questions(prompts, room=0)
