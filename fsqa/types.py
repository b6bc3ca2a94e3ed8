"""The values that flow through fsqa, from a raw row to a loss."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int
    from numpy.typing import NDArray
    from torch import Tensor

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


REFUSAL = "refusal"
"""The kind of a question that is off topic: the right answer is the fixed reply that refuses it."""


class Role(IntEnum):
    """What a token is: a fact about the text, the same under every loss."""

    PROMPT = 0
    """Question and template, and the start token."""
    CONTEXT = 1
    """A document given with the question."""
    ANSWER = 2
    """What the model should say."""
    END = 3
    """The one token that closes the answer."""
    PAD = 4
    """Filler after the end of a row; never part of a loss."""
    OPENING = 5
    """The first token of a document that shares its row with others: read by the model, predicted by nothing."""


ROLE_NAMES = tuple(role.name.lower() for role in Role if role < Role.PAD)
"""Names of the roles that can count, in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class Record:
    """One question with every answer that counts as right."""

    id: str
    question: str
    answers: tuple[str, ...]
    """All references for scoring; the first is the one that is trained on."""
    context: str = ""
    kind: str = ""
    """The stratum the question belongs to: a relation, a source, ``REFUSAL``; empty when there is none."""
    candidates: tuple[str, ...] = ()
    """Passages that a ranker would put in order for the question."""
    relevance: tuple[int, ...] = ()
    """The grade of each candidate: 0 for one that does not answer the question, 1 or more for one that does."""
    patterns: tuple[str, ...] = ()
    """Regular expressions any of which, found in an answer whatever its case, makes it right; none as a rule."""
    answer_starts: tuple[int, ...] = ()
    """Where each answer begins in the context, in characters; empty when the data does not say or there is none."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text with one role; segments are tokenised apart and joined."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A record laid out as text: what the model is given, and what it should say."""

    given: tuple[Segment, ...]
    """Everything before the answer; generation sees exactly this."""
    answer: tuple[Segment, ...]
    """The answer as it is trained on, without the end token."""
    start: bool
    """Whether the tokenizer's start token opens the row."""
    answer_start: int | None = None
    """Where the answer begins in the context, in characters, when it is known."""


@dataclass(frozen=True, slots=True)
class Example:
    """A tokenised record: one id and one role per token."""

    ids: NDArray[np.int32]
    roles: NDArray[np.uint8]
    truncated: int
    """How many tokens of the prompt or context were cut to fit ``max_length``."""
    record: int = 0
    """Which of the records that were encoded together the row belongs to."""
    answer_cut: int = 0
    """How many tokens of the answer and its end were cut, where a model has only so many places for them."""


class Batch(NamedTuple):
    """What one device holds at once. Tensors only, so that Lightning moves it unaided."""

    ids: Int[Tensor, "batch time"]
    roles: Int[Tensor, "batch time"]
    rows: Int[Tensor, " batch"]
    """Row numbers in the split; :attr:`fsqa.data.examples.Examples.records` leads to the records."""
    step_examples: Int[Tensor, ""]
    """Examples in the whole optimizer step, over all micro-batches and devices."""
    step_targets: Int[Tensor, " role"]
    """Target tokens of each role in the whole optimizer step: the denominator of a token mean."""


class LossOutput(NamedTuple):
    """A loss and the figures that explain it."""

    loss: Float[Tensor, ""]
    """This micro-batch's share of the optimizer step's loss: shares add up to the whole."""
    role_loss: Float[Tensor, " role"]
    """The same loss split by the role of the target token."""
    target_nll: Float[Tensor, " target"]
    """Plain negative log-likelihood of each target that counts, without smoothing, in nats."""
