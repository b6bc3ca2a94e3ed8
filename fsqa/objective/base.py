"""What every objective decides, before any weight is loaded: kind of model, kind of rows, kind of answers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from fsqa.encode.base import Encoder
from fsqa.errors import InputError
from fsqa.generation.base import Generation
from fsqa.loss.base import Loss
from fsqa.loss.token_loss import TokenLoss
from fsqa.prompt.base import BoundLayout
from fsqa.prompt.chat import Chat
from fsqa.prompt.text import Text
from fsqa.speed import PLAIN, Speed
from fsqa.types import Record

if TYPE_CHECKING:
    from fsqa.objective.module import ObjectiveModule


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
    fits_chat: ClassVar[bool] = True
    """Whether such a model can be asked as in a chat."""
    cuts_rows: ClassVar[bool] = True
    """Whether a row that is too long loses something; where not, the next row goes on with the rest."""
    generations: ClassVar[tuple[type[Generation], ...]]
    """Ways of answering that such a model can do."""
    generation_option: ClassVar[str]
    """The option of the generation group to name when another was chosen."""
    prompt_option: ClassVar[str] = "closed_book"
    """The option of the prompt group to name when another was chosen."""
    losses: ClassVar[tuple[type[Loss], ...]] = (TokenLoss,)
    """Losses that such a model can be trained with."""
    loss_option: ClassVar[str] = "answer_end"
    """The option of the loss group to name when another was chosen."""

    def check(self, loss: object, generation: object) -> None:
        """Raise InputError for a loss or a way of answering that does not go with this objective."""
        name = self._option()
        if isinstance(loss, Loss) and not isinstance(loss, self.losses):
            raise InputError(
                f"loss: objective={name} cannot be trained with {type(loss).__name__}; set loss={self.loss_option}"
            )
        if isinstance(generation, Generation) and not isinstance(generation, self.generations):
            raise InputError(
                f"generation: objective={name} cannot answer by {type(generation).__name__}; "
                f"set generation={self.generation_option}"
            )

    def check_prompt(self, prompt: object) -> None:
        """Raise InputError for a prompt that does not go with this objective: here for one without a question."""
        if isinstance(prompt, Text):
            raise InputError(
                f"prompt: objective={self._option()} learns from questions and answers, and prompt=text lays out plain "
                "text; set experiment=language_model, which chooses all that goes with it, or another prompt"
            )

        if isinstance(prompt, Chat) and not self.fits_chat:
            raise InputError(
                f"prompt: objective={self._option()} trains an encoder, which has no chat template; "
                f"set prompt={self.prompt_option}"
            )

    def check_length(self, max_length: int) -> None:
        """Raise InputError when rows of at most ``max_length`` tokens have no room for what this objective needs."""
        return

    def _option(self) -> str:
        """Name the option of the objective group: LanguageModel is language_model."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def decided(self, tokenizer: Any, layout: BoundLayout, train: Iterable[Record]) -> Self:
        """Return the objective with every setting that the data decides (null in the config) filled in."""
        return self

    @abstractmethod
    def encoder(self, tokenizer: Any, max_length: int) -> Encoder:
        """Return what turns prompts into rows."""

    @abstractmethod
    def module_class(self, model: Any, encoder: Encoder) -> Callable[..., ObjectiveModule]:
        """Return what makes the Lightning module for a model: its class, with what else it wants already given.

        Raises InputError for a model that cannot do what the objective asks.
        """

    def module(
        self,
        *,
        model: Any,
        encoder: Encoder,
        loss: Loss,
        optimizer: Callable[..., Any],
        scheduler: Callable[..., Any],
        speed: Speed = PLAIN,
    ) -> ObjectiveModule:
        """Return the Lightning module that trains the model."""
        make = self.module_class(model, encoder)
        return make(model=model, loss=loss, optimizer=optimizer, scheduler=scheduler, speed=speed)
