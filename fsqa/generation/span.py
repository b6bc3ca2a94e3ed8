"""The answer as a span of the document: where a model sees it begin and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fsqa.encode.base import Encoder
from fsqa.encode.windows import Window, WindowEncoder, document, model_inputs
from fsqa.generation.base import Advance, Answer, Generation, answering, check_positive, silent
from fsqa.metrics.answers import exact_match, f1, with_words
from fsqa.types import Prompt, Role

UNDECIDED = 0.0
"""The threshold until validation has decided it: no answer where the model prefers none."""
TINY = 1e-9
"""Sums of F1 that differ by less are equal."""


class SpanSearch(Generation):
    """Finds the span whose first and last token have the largest sum of logits, over all windows of a document.

    Every span of at most ``max_answer_tokens`` tokens within one window is tried, so nothing is lost to a beam of the
    likeliest ends. The text is cut out of the document as it stands there. The score of "no answer" is the sum of the
    first token's two logits, in the window where it is smallest, as in BERT's own SQuAD 2.0 code. A subclass says what
    follows from the two.
    """

    max_answer_tokens: int
    batch_size: int

    def __post_init__(self) -> None:
        check_positive(self, "max_answer_tokens", "batch_size")

    def __call__(
        self, model: Any, encoder: Encoder, prompts: Sequence[Prompt], advance: Advance = silent
    ) -> list[Answer]:
        """Answer every prompt, in the order given; windows are batched by length."""
        assert isinstance(encoder, WindowEncoder)
        windows = encoder.windows(prompts)
        left, found = [0] * len(prompts), [Found() for _ in prompts]
        for window in windows:
            left[window.record] += 1
        order = sorted(range(len(windows)), key=lambda i: -len(windows[i].ids))
        with answering(model):
            for begin in range(0, len(order), self.batch_size):
                chosen = [windows[i] for i in order[begin : begin + self.batch_size]]
                for window, spot in zip(chosen, self._batch(model, chosen, encoder.end_id), strict=True):
                    found[window.record] = found[window.record].joined(spot)
                    left[window.record] -= 1
                advance(sum(not left[record] for record in {window.record for window in chosen}))
        return [self._answer(prompt, spot) for prompt, spot in zip(prompts, found, strict=True)]

    def _batch(self, model: Any, windows: Sequence[Window], pad_id: int) -> list[Found]:
        import torch

        longest = max(len(window.ids) for window in windows)
        ids, roles = (torch.full((len(windows), longest), filler) for filler in (pad_id, int(Role.PAD)))
        for i, window in enumerate(windows):
            ids[i, : len(window.ids)] = torch.tensor(window.ids)
            roles[i, : len(window.ids)] = torch.tensor(window.roles())
        with torch.inference_mode():
            output = model(**model_inputs(model, ids.to(model.device), roles.to(model.device)))
            start, end = output.start_logits.float(), output.end_logits.float()
            outside = (roles != Role.CONTEXT).to(start.device)
            none = start[:, 0] + end[:, 0]
            score, first, last = best_spans(
                start.masked_fill(outside, -torch.inf), end.masked_fill(outside, -torch.inf), self.max_answer_tokens
            )
        figures = zip(windows, score.tolist(), none.tolist(), first.tolist(), last.tolist(), strict=True)
        return [Found(score, none, window, first, last) for window, score, none, first, last in figures]

    def _answer(self, prompt: Prompt, found: Found) -> Answer:
        window = found.window
        assert window is not None, "every document has a window"
        ids = tuple(window.ids[found.first : found.last + 1]) if window.inside else ()
        best = document(prompt)[window.place(found.first, found.last)] if ids else ""
        score = found.score if ids else found.none
        extra = {"best_span": best, "best_span_ids": list(ids), "score": score, "no_answer_score": found.none}
        return Answer(
            text=self.revised(extra),
            ids=tuple(self.revised_ids(extra)),
            stopped=True,
            truncated=window.truncated,
            extra=extra,
        )

    def revised(self, row: Mapping[str, Any]) -> str:
        """Return the best span."""
        return str(row["best_span"])

    def revised_ids(self, row: Mapping[str, Any]) -> list[int]:
        """Return the tokens of the best span, or none where no answer is given."""
        return list(row["best_span_ids"]) if self.revised(row) else []


@dataclass(frozen=True, slots=True)
class Found:
    """The best span of the windows seen so far."""

    score: float = -float("inf")
    """Sum of the logits of the span's first and last token."""
    none: float = float("inf")
    """Smallest sum of the two logits of a window's first token."""
    window: Window | None = None
    first: int = 0
    last: int = 0
    """The span's first and last token, counted in the window's row."""

    def joined(self, other: Found) -> Found:
        """Return the better span of the two, and the smaller score of no answer."""
        better = other if self.window is None or other.score > self.score else self
        return replace(better, none=min(self.none, other.none))


def best_spans(start: Any, end: Any, longest: int) -> tuple[Any, Any, Any]:
    """Return the best sum ``start[i] + end[j]`` of each row over ``i <= j < i + longest``, and the ``i`` and ``j``.

    Both are tensors of shape [batch, time], -inf where no span may begin or end; the first of equals is taken.
    """
    import torch

    reach = min(longest, end.shape[1])
    padded = torch.nn.functional.pad(end, (0, reach - 1), value=-torch.inf)
    ends, length = padded.unfold(1, reach, 1).max(dim=2)  # of the spans that begin at each token
    score, first = (start + ends).max(dim=1)
    return score, first, first + length.gather(1, first[:, None]).squeeze(1)


@dataclass(frozen=True, kw_only=True)
class Span(SpanSearch):
    """The best span, whatever the model makes of its chance: for questions that all have an answer."""

    max_answer_tokens: int
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class SpanOrNone(SpanSearch):
    """The best span, or no answer (the empty text) where "no answer" scores higher by more than a threshold."""

    max_answer_tokens: int
    batch_size: int
    no_answer_threshold: float | None
    """How much better "no answer" must score; null: what is best for F1 on validation, and 0 until then."""

    def revised(self, row: Mapping[str, Any]) -> str:
        """Return the best span, or the empty text where the threshold is passed."""
        threshold = UNDECIDED if self.no_answer_threshold is None else self.no_answer_threshold
        return "" if row["no_answer_score"] - row["score"] > threshold else super().revised(row)

    def undecided(self) -> tuple[str, ...]:
        """Return the threshold's name until it has a value."""
        return ("no_answer_threshold",) if self.no_answer_threshold is None else ()

    def decided(self, rows: Sequence[Mapping[str, Any]]) -> SpanOrNone:
        """Return it with the threshold that gives the best F1 on these rows, and the best exact match among equals."""
        if self.no_answer_threshold is not None or not rows:
            return self
        return replace(self, no_answer_threshold=best_threshold(rows))

    def variants(self) -> Mapping[str, Generation]:
        """Return what the threshold can be measured against: always an answer, and the threshold 0."""
        always = Span(max_answer_tokens=self.max_answer_tokens, batch_size=self.batch_size)
        return {"always an answer": always, "threshold 0": replace(self, no_answer_threshold=UNDECIDED)}


def best_threshold(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the threshold with the best sums of F1 and then exact match; the lowest among equals.

    As ``find_best_thresh`` of the official SQuAD 2.0 script, which tries "answer nothing" and every row's own value;
    here rows of one value change sides together, and "answer nothing" is a threshold below them all.
    """
    gained: dict[float, tuple[float, float]] = {}
    for row in rows:
        span, references = row["best_span"], with_words(row["references"])
        better_by = row["no_answer_score"] - row["score"]
        here = gained.get(better_by, (0.0, 0.0))
        gained[better_by] = (
            here[0] + f1(span, references) - f1("", references),
            here[1] + exact_match(span, references) - exact_match("", references),
        )
    best, threshold = (0.0, 0.0), min(gained) - 1.0
    total = best
    for value in sorted(gained):
        total = (total[0] + gained[value][0], total[1] + gained[value][1])
        if total[0] > best[0] + TINY or (abs(total[0] - best[0]) <= TINY and total[1] > best[1] + TINY):
            best, threshold = total, value
    return threshold
