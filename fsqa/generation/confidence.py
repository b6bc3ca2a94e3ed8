"""How sure a decoder was of what it said: the mean probability of its own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fsqa.encode.sequence import SequenceEncoder
from fsqa.generation.autoregressive import Autoregressive
from fsqa.generation.base import Answer, answering
from fsqa.model.head import head_at
from fsqa.types import Prompt


@torch.inference_mode()
def confidences(
    model: Any,
    encoder: SequenceEncoder,
    generation: Autoregressive,
    prompts: Sequence[Prompt],
    answers: Sequence[Answer],
) -> list[float]:
    """Return, for each answer, the mean probability of its tokens, and of the end token where it came.

    The probabilities are the model's own, before a temperature or a penalty, of every token given those before it.
    """
    questions = encoder.questions(prompts, generation.max_new_tokens)
    closing = [encoder.end_id] if generation.stop is None else []  # elsewhere a text may have been the end
    rows = [
        (question.ids.tolist(), [*answer.ids, *(closing if answer.stopped else [])])
        for question, answer in zip(questions, answers, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i][0]) - len(rows[i][1]))
    found = [0.0] * len(rows)
    with answering(model):
        for first in range(0, len(order), generation.batch_size):
            chosen = order[first : first + generation.batch_size]
            for i, value in zip(chosen, _of_batch(model, [rows[i] for i in chosen], encoder.end_id), strict=True):
                found[i] = value
    return found


def _of_batch(model: Any, rows: Sequence[tuple[list[int], list[int]]], pad_id: int) -> list[float]:
    longest = max(len(given) + len(said) for given, said in rows)
    ids = torch.full((len(rows), longest), pad_id)
    mask, said_at = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for i, (given, said) in enumerate(rows):
        whole = [*given, *said]
        ids[i, : len(whole)] = torch.tensor(whole)
        mask[i, : len(whole)] = 1
        said_at[i, len(given) : len(whole)] = True
    ids, mask, said_at = (part.to(model.device) for part in (ids, mask, said_at))
    predicting = said_at.roll(-1, dims=1)  # the logits before a token predict it
    with head_at(model, predicting):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    chosen = logits.float().log_softmax(-1).gather(1, ids[said_at][:, None])[:, 0].exp()
    owner = torch.arange(len(rows), device=chosen.device)[:, None].expand_as(ids)[said_at]
    sums = torch.zeros(len(rows), dtype=torch.float64, device=chosen.device).index_add_(0, owner, chosen.double())
    return [float(total) / max(len(said), 1) for total, (_, said) in zip(sums.tolist(), rows, strict=True)]
