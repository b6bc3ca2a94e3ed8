"""Answers of a model that fills masks: one forward pass, every token at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fsqa.encode.base import Encoder
from fsqa.encode.masked import MaskedEncoder
from fsqa.generation.base import Advance, Answer, Generation, answering, check_positive, silent
from fsqa.model.head import head_at
from fsqa.types import Example, Prompt, Role


@dataclass(frozen=True, kw_only=True)
class Fill(Generation):
    """The likeliest token at each mask, up to the first end token, then cleaned by two switches.

    Masks are filled without knowing of one another, so neighbours often say the same, and words of the question.
    """

    drop_repeated: bool
    """Whether a token is left out that an earlier mask holds already."""
    drop_question: bool
    """Whether a token is left out that the question holds; those of a context stay."""
    batch_size: int

    def __post_init__(self) -> None:
        check_positive(self, "batch_size")

    def __call__(
        self, model: Any, encoder: Encoder, prompts: Sequence[Prompt], advance: Advance = silent
    ) -> list[Answer]:
        """Answer every prompt, in the order given; questions are batched by length."""
        assert isinstance(encoder, MaskedEncoder)
        questions = encoder.questions(prompts)
        filled: list[list[int]] = [[] for _ in questions]
        order = sorted(range(len(questions)), key=lambda i: -len(questions[i].ids))
        with answering(model):
            for first in range(0, len(order), self.batch_size):
                chosen = order[first : first + self.batch_size]
                for i, ids in zip(chosen, _fill(model, encoder, [questions[i] for i in chosen]), strict=True):
                    filled[i] = ids
                advance(len(chosen))
        return [self._answer(encoder, *pair) for pair in zip(questions, filled, strict=True)]

    def revised(self, row: Mapping[str, Any]) -> str:
        """Return the answer under these switches; a row holds the one of every setting."""
        return str(row["post_processed"][self._setting])

    def variants(self) -> dict[str, Fill]:
        """Return all four settings of the two switches."""
        each = [
            replace(self, drop_repeated=repeated, drop_question=question)
            for question in (False, True)
            for repeated in (False, True)
        ]
        return {variant._setting: variant for variant in each}

    @property
    def _setting(self) -> str:
        dropped = ["repeated"] * self.drop_repeated + ["question"] * self.drop_question
        return f"{' and '.join(dropped)} tokens dropped" if dropped else "as filled"

    def _answer(self, encoder: MaskedEncoder, question: Example, filled: list[int]) -> Answer:
        """Keep what stands before the first end token, and what each setting makes of it."""
        stopped = encoder.end_id in filled
        said = filled[: filled.index(encoder.end_id)] if stopped else filled
        asked = set(question.ids[question.roles == int(Role.PROMPT)].tolist())
        texts = {name: encoder.decode(variant._kept(said, asked)) for name, variant in self.variants().items()}
        return Answer(
            text=texts[self._setting],
            ids=tuple(said),
            stopped=stopped,
            truncated=question.truncated,
            extra={"filled": encoder.tokenizer.convert_ids_to_tokens(filled), "post_processed": texts},
        )

    def _kept(self, said: Sequence[int], asked: set[int]) -> list[int]:
        kept = dict.fromkeys(said) if self.drop_repeated else said
        return [token for token in kept if not (self.drop_question and token in asked)]


def _fill(model: Any, encoder: MaskedEncoder, questions: Sequence[Example]) -> list[list[int]]:
    """Return the likeliest token at every mask, one row a question."""
    import torch

    given = torch.tensor([len(question.ids) for question in questions], device=model.device)
    ids = torch.zeros(len(questions), int(given.max()), dtype=torch.long)
    for i, question in enumerate(questions):
        ids[i, : len(question.ids)] = torch.from_numpy(question.ids)
    seen, attended = encoder.masked(ids.to(model.device), given)
    after = torch.arange(seen.shape[1], device=model.device) - given[:, None]
    with torch.inference_mode(), head_at(model, (after >= 0) & (after < encoder.masks)):
        logits = model(input_ids=seen, attention_mask=attended).logits
    rows: list[list[int]] = logits.argmax(dim=-1).view(len(questions), encoder.masks).tolist()
    return rows
