"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fsqa.errors import InputError
from fsqa.tuning.base import Tuning
from fsqa.tuning.targets import ALL_LINEAR, chosen_targets, head_name, tied_modules, transposed

SPAN_HEAD = "qa_outputs"
"""What transformers calls the head of every span model; peft trains it whole, so it gets no adapter."""


@dataclass(frozen=True, kw_only=True)
class Lora(Tuning):
    """The model is frozen; beside the targeted projections W stand matrices B A of low rank, and only they learn.

    A head that starts at random (a span head over a pretrained body) learns in any case, whole.
    """

    targets: Literal["all-linear"] | list[str] | None
    """Names of modules; ``all-linear``: every projection but the head; null: peft's choice for the architecture."""
    rank: int
    alpha: float
    """The adapter's output is scaled by alpha / rank."""
    dropout: float
    """Of the adapter's input."""
    rank_stabilized: bool
    """Scale by alpha / sqrt(rank) instead (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732)."""
    train_head: bool
    """Whether the projection to the vocabulary learns too, whole. A decoder's embedding that is tied to it stays so and
    learns with it; an encoder's head becomes a copy of its own."""

    decomposed: ClassVar[bool] = False
    """Whether the length of each weight column learns apart from its direction."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise InputError(f"tuning.rank: wanted 1 or more, got {self.rank}")
        if self.alpha <= 0:
            raise InputError(f"tuning.alpha: wanted a number above 0, got {self.alpha}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"tuning.dropout: wanted a number in [0, 1), got {self.dropout}")
        if self.targets == []:
            raise InputError("tuning.targets: wanted at least one name, all-linear, or null, got an empty list")

    def __call__(self, model: Any, new_tokens: Sequence[int] = ()) -> Any:
        """Add the adapters, freeze everything else, and return the peft model.

        The rows of new tokens learn, the rest of the embedding does not.
        """
        from peft import LoraConfig, get_peft_model

        targets = chosen_targets(model, self.targets)
        head, stays_tied = self._head(model)
        if head and new_tokens and tied_modules(model) and not stays_tied:
            raise InputError(
                f"tuning.train_head=true: {type(model).__name__} ties its head to the embedding, and then the rows of "
                "added tokens cannot learn beside it; set tuning.train_head=false, or take tuning=full"
            )
        config = LoraConfig(
            task_type=task_type(model),
            target_modules=targets,
            exclude_modules=[SPAN_HEAD] if targets == ALL_LINEAR and hasattr(model, SPAN_HEAD) else None,
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            use_rslora=self.rank_stabilized,
            use_dora=self.decomposed,
            fan_in_fan_out=transposed(model, targets),
            modules_to_save=[head] if head else None,
            ensure_weight_tying=stays_tied,
            trainable_token_indices=None if stays_tied or not new_tokens else token_rows(model, new_tokens, head),
        )
        tied = bool(tied_modules(model))
        tuned = get_peft_model(model, config)
        _check_biases(tuned, tied)
        return tuned

    def _head(self, model: Any) -> tuple[str | None, bool]:
        """Return the name of the head that is to be trained, if any, and whether its embedding is trained with it."""
        from peft.utils.constants import EMBEDDING_LAYER_NAMES

        head = head_name(model) if self.train_head else None
        if head is None:
            return None, False
        # peft keeps only heads of these names tied; another (an encoder's) becomes a copy of its own.
        return head, bool(tied_modules(model)) and head.rpartition(".")[2] in EMBEDDING_LAYER_NAMES


def token_rows(model: Any, new_tokens: Sequence[int], trained_head: str | None) -> dict[str, list[int]]:
    """Return the rows that learn, by the name of their module: of the embedding, and of a head of its own.

    A head that is tied follows the embedding, and one that is trained whole needs no rows.
    """
    embedding = model.get_input_embeddings()
    names = [name for name, module in model.named_modules() if module is embedding]
    head = head_name(model)
    if head and not trained_head and not tied_modules(model):
        names.append(head)
    return {name: list(new_tokens) for name in names}


def _check_biases(model: Any, tied: bool) -> None:
    """Raise InputError where rows of new tokens learn in a head with a bias: peft would compute without the bias."""
    from peft.tuners.trainable_tokens import TrainableTokensLayer

    for module in model.modules():
        if isinstance(module, TrainableTokensLayer) and getattr(module.base_layer, "bias", None) is not None:
            way = "take tuning=full" if tied else "set tuning.train_head=true, or take tuning=full"
            name = type(model.get_base_model()).__name__
            raise InputError(
                f"model.added_tokens: the head of {name} has a bias, which peft leaves out where only rows of "
                f"added tokens learn; {way}"
            )


def task_type(model: Any) -> str | None:
    """Return peft's name for what the model does; None where peft has no class of its own for it."""
    from transformers.models.auto import modeling_auto

    name = type(model).__name__
    if name in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        return "CAUSAL_LM"
    if name in modeling_auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES.values():
        return "QUESTION_ANS"
    return None
