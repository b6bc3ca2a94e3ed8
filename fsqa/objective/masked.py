"""An encoder fills masks after the question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fsqa.encode.base import Encoder
from fsqa.encode.masked import MaskedEncoder, masks_for
from fsqa.errors import InputError
from fsqa.generation.fill import Fill
from fsqa.loss.balanced_kl import BalancedKL
from fsqa.loss.smoothed_kl import SmoothedKL
from fsqa.objective.base import Objective
from fsqa.prompt.base import BoundLayout
from fsqa.types import Record

if TYPE_CHECKING:
    from fsqa.objective.masked_module import MaskedModule

FEWEST = 2
"""One token of an answer and its end."""


@dataclass(frozen=True, kw_only=True)
class Masked(Objective):
    """A bidirectional encoder learns to fill masks after the question with the answer and its end, all at once."""

    masks: int | None
    """How many masks follow the question; null: as many as hold the share ``coverage`` of the training answers."""
    coverage: float
    """Share of the training answers, each with its end token, that must fit, where ``masks`` is null."""

    model_class: ClassVar[str] = "AutoModelForMaskedLM"
    tokenizer_kind = "word_pieces"
    new_head = True
    generations = (Fill,)
    generation_option = "fill"
    fits_chat = False
    prompt_option = "joined"

    def __post_init__(self) -> None:
        if self.masks is not None and self.masks < FEWEST:
            raise InputError(
                f"objective.masks: wanted {FEWEST} or more (a token and its end), or null, got {self.masks}"
            )
        if not 0 < self.coverage <= 1:
            raise InputError(f"objective.coverage: wanted a share above 0 and up to 1, got {self.coverage}")

    def check(self, loss: object, generation: object) -> None:
        """Refuse, beside what every objective refuses, a loss that counts visible tokens."""
        super().check(loss, generation)
        if isinstance(loss, SmoothedKL | BalancedKL):
            for role in ("prompt", "context"):
                if weight := loss.weights.get(role):
                    raise InputError(
                        f"loss.weights.{role}={weight:g}: objective=masked shows the {role} to the model, and a token "
                        "that is visible is no target; set loss=answer_end or loss=answer"
                    )

    def decided(self, tokenizer: Any, layout: BoundLayout, train: Iterable[Record]) -> Self:
        """Return it with the number of masks that the training answers need."""
        if self.masks is not None:
            return self
        needed = masks_for(tokenizer, (layout(record) for record in train), self.coverage)
        return replace(self, masks=max(FEWEST, needed))

    def encoder(self, tokenizer: Any, max_length: int) -> MaskedEncoder:
        """Return rows of question, separator, answer and end."""
        assert self.masks is not None, "the data decides it first"
        return MaskedEncoder(tokenizer=tokenizer, max_length=max_length, masks=self.masks)

    def module_class(self, model: Any, encoder: Encoder) -> Callable[..., MaskedModule]:
        """Return the Lightning module of an encoder that fills masks."""
        from fsqa.objective.masked_module import MaskedModule

        assert isinstance(encoder, MaskedEncoder)
        return partial(MaskedModule, encoder=encoder)
