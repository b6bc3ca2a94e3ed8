"""What every objective decides, before any weight is loaded: kind of model, kind of rows, kind of answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from fsqa.encode.base import Encoder
from fsqa.errors import InputError
from fsqa.generation.base import Generation
from fsqa.loss.token_loss import TokenLoss
from fsqa.types import Prompt, Record

if TYPE_CHECKING:
    from fsqa.objective.module import ObjectiveModule

Layout = Callable[[Record], Prompt]


class Objective(ABC):
    """What a model is trained to do; makes what fits together: encoder, model class and Lightning module.

    It is made with the config, before torch is loaded.
    """

    model_class: ClassVar[str]
    """The Auto class of transformers that loads such a model."""
    tokenizer_kind: ClassVar[Literal["bytes", "word_pieces"]]
    """What a tokenizer learned from the data looks like."""
    new_head: ClassVar[bool] = False
    """Whether pretrained weights may lack the head, which then starts at random."""
    generations: ClassVar[tuple[type[Generation], ...]]
    """Ways of answering that such a model can do."""
    generation_option: ClassVar[str]
    """The option of the generation group to name when another was chosen."""

    def check(self, loss: object, generation: object) -> None:
        """Raise InputError for a loss or a way of answering that does not go with this objective."""
        name = type(self).__name__.lower()
        if isinstance(generation, Generation) and not isinstance(generation, self.generations):
            raise InputError(
                f"generation: objective={name} cannot answer by {type(generation).__name__}; "
                f"set generation={self.generation_option}"
            )

    def decided(self, tokenizer: Any, layout: Layout, train: Iterable[Record]) -> Self:
        """Return the objective with every setting that the data decides (null in the config) filled in."""
        return self

    @abstractmethod
    def encoder(self, tokenizer: Any, max_length: int) -> Encoder:
        """Return what turns prompts into rows."""

    @abstractmethod
    def module(
        self,
        *,
        model: Any,
        encoder: Encoder,
        loss: TokenLoss,
        optimizer: Callable[..., Any],
        scheduler: Callable[..., Any],
    ) -> ObjectiveModule:
        """Return the Lightning module that trains the model."""
