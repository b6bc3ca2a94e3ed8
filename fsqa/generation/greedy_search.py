"""Greedy search in a loop of its own: the tokens of ``generate()``, and no work on rows that have ended."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, GenerationMixin
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from fsqa.model.head import head_at

TOKENS = {"bos_token_id", "eos_token_id", "pad_token_id", "transformers_version", "_from_model_config"}
HARMLESS = {"use_cache": True, "output_attentions": False, "output_hidden_states": False}
"""What a model's generation settings may say beside its special tokens for its likeliest token to be what is said."""


def can_search(model: Any, longest: int) -> bool:
    """Return whether the loop says what ``generate()`` says, for rows of at most ``longest`` tokens, answer included.

    It does not where a model has an encoder, another kind of cache, inputs of its own or settings that change logits.
    """
    decoder = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = decoder.config.get_text_config(decoder=True)
    settings = decoder.generation_config.to_diff_dict()
    if decoder.config.is_encoder_decoder or any(
        settings[name] != HARMLESS.get(name) for name in settings.keys() - TOKENS
    ):
        return False
    if not {"past_key_values", "attention_mask"} <= set(inspect.signature(decoder.forward).parameters):
        return False
    # Phi-3 turns to other rotary angles past so many positions; up to there it prepares its inputs like all others.
    turn = getattr(config, "original_max_position_embeddings", None)
    own_inputs = type(decoder).prepare_inputs_for_generation is not GenerationMixin.prepare_inputs_for_generation
    if longest > turn if turn is not None else own_inputs:
        return False
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in DynamicCache(config=config).layers)


def can_forget(model: Any, longest: int) -> bool:
    """Return whether the cache of rows of at most ``longest`` tokens holds all of them, so that the last can go."""
    decoder = model.get_base_model() if hasattr(model, "get_base_model") else model
    layers = DynamicCache(config=decoder.config.get_text_config(decoder=True)).layers
    return all(getattr(layer, "sliding_window", longest + 1) > longest for layer in layers)


class Found(NamedTuple):
    """What a model says to a question, and what it makes of the answer that was read with it."""

    said: list[int]
    nll: float
    """Sum of the plain negative log-likelihood of the answer's tokens, in nats."""
    correct: int
    """Tokens of the answer that are the arg max, each given those before it."""


@torch.no_grad()
def greedy_search(
    model: Any,
    questions: Sequence[NDArray[np.int32]],
    answers: Sequence[NDArray[np.int32]],
    pad_id: int,
    over: Callable[[int, list[int]], bool],
) -> list[Found]:
    """Return what a model says to each question, by the likeliest token at every step.

    An answer, which may be empty, is read with its question: as far as it is what the model says by itself, it need
    not be generated. ``over`` hears after every token which question it was and all that was said to it, and says if
    that was the last.
    """
    reading = Reading(model)
    pairs = [np.concatenate(pair) for pair in zip(questions, answers, strict=True)]
    ids, mask = (part.to(model.device) for part in left_padded(pairs, pad_id))
    spans = torch.tensor([len(answer) + 1 for answer in answers], device=ids.device)  # from the question's last token
    with head_at(model, torch.arange(ids.shape[1], 0, -1, device=ids.device) <= spans[:, None]):
        logits = reading.read(ids, mask)
    chosen = [part.tolist() for part in torch.split(logits.float().argmax(-1), spans.tolist())]
    said = [_agreed(i, answer.tolist(), chosen[i], over) for i, answer in enumerate(answers)]
    correct = [sum(map(int.__eq__, answer.tolist(), own)) for answer, own in zip(answers, chosen, strict=True)]
    found = [Found(*each) for each in zip(said, _nll(logits, answers, spans), correct, strict=True)]
    del logits
    reading.forget_last(spans - torch.tensor(list(map(len, said)), device=ids.device))
    going = list(range(len(said)))
    while kept := [place for place, i in enumerate(going) if not over(i, said[i])]:
        if len(kept) < len(going):
            going = [going[place] for place in kept]
            reading.keep(torch.tensor(kept, device=ids.device))
        logits = reading.read(torch.tensor([said[i][-1:] for i in going], device=ids.device))
        for i, token in zip(going, logits[:, -1].float().argmax(-1).tolist(), strict=True):
            said[i].append(token)
    return found


def _agreed(
    question: int, answer: Sequence[int], chosen: Sequence[int], over: Callable[[int, list[int]], bool]
) -> list[int]:
    """Return what is said by the likeliest tokens along an answer: up to the first that is another, or to its end."""
    said: list[int] = []
    for token, given in zip(chosen, (*answer, None), strict=True):
        said.append(token)
        if token != given or over(question, said):
            break
    return said


def _nll(logits: Tensor, answers: Sequence[NDArray[np.int32]], spans: Int[Tensor, " row"]) -> list[float]:
    """Sum over each answer; the last logits of a row predict what comes after it."""
    of_answers = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
    of_answers[spans.cumsum(0) - 1] = False
    targets = torch.from_numpy(np.concatenate(answers)).long().to(logits.device)
    logits = logits[of_answers]
    logits = logits.float() if logits.dtype.itemsize == 2 else logits
    nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none").cpu().double()
    return [float(part.sum()) for part in torch.split(nll, list(map(len, answers)))]


class Reading:
    """What a model has read of some rows: each ends in the last place, and before the shorter ones is hidden filler."""

    def __init__(self, model: Any) -> None:
        decoder = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._model, self._counts_places = model, "position_ids" in inspect.signature(decoder.forward).parameters
        self._cache = DynamicCache(config=decoder.config.get_text_config(decoder=True))
        self._mask: Tensor | None = None

    def read(self, ids: Int[Tensor, "row new"], mask: Int[Tensor, "row new"] | None = None) -> Tensor:
        """Read on, and return the logits; ``mask`` is 0 at filler, and there is none without it."""
        new = torch.ones_like(ids) if mask is None else mask
        self._mask = whole = new if self._mask is None else torch.cat([self._mask, new], dim=1)
        places = (whole.cumsum(1) - 1).clamp_(min=0)[:, -ids.shape[1] :]
        logits: Tensor = self._model(
            input_ids=ids,
            attention_mask=None if whole.all() else whole,  # attention is quicker without
            past_key_values=self._cache,
            use_cache=True,
            **({"position_ids": places} if self._counts_places else {}),
        ).logits
        return logits

    def keep(self, rows: Int[Tensor, " row"]) -> None:
        """Go on with these rows alone."""
        assert self._mask is not None
        self._mask = self._mask[rows]
        self._cache.batch_select_indices(rows)

    def forget_last(self, count: Int[Tensor, " row"]) -> None:
        """Forget so many of the last tokens of each row; the others move up, and rows end together again."""
        assert self._mask is not None
        if not count.any():
            return
        source = torch.arange(self._mask.shape[1], device=count.device) - count[:, None]
        self._mask = self._mask.gather(1, source.clamp(min=0)) * (source >= 0)
        index = source.clamp(min=0)[:, None, :, None]
        for layer in self._cache.layers:
            assert isinstance(layer, DynamicLayer)
            layer.keys = layer.keys.gather(2, index.expand_as(layer.keys))
            layer.values = layer.values.gather(2, index.expand_as(layer.values))


def left_padded(
    questions: Sequence[NDArray[np.int32]], pad_id: int
) -> tuple[Int[Tensor, "row time"], Int[Tensor, "row time"]]:
    """Return the ids of all questions, filled up on the left, and where they are not filler."""
    longest = max(map(len, questions))
    ids = np.full((len(questions), longest), pad_id, np.int64)
    mask = np.zeros_like(ids)
    for row, question in enumerate(questions):
        ids[row, longest - len(question) :] = question
        mask[row, longest - len(question) :] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
