import math

import pytest
import torch

from fsqa.errors import InputError
from fsqa.loss import SpanKL
from fsqa.loss.span_kl import span_choices, span_targets
from fsqa.types import Role
from tests.builders import batch

ROWS = ("pppcccaaccp", "pccccp", "ppaaaap", "pcap")
BATCH = batch(*ROWS)


def logits(rows, seed=0):
    random = torch.Generator().manual_seed(seed)
    return [3 * torch.randn(rows.ids.shape, generator=random, dtype=torch.float64) for _ in range(2)]


def dense(rows, start, end, smoothing):
    """KL(q || p) written out, one row and one end after the other."""
    total = 0.0
    for row, letters in enumerate(ROWS[: len(rows.ids)]):
        allowed = [i for i, letter in enumerate(letters) if i == 0 or letter in "ca"]
        answer = [i for i, letter in enumerate(letters) if letter == "a"] or [0]
        for scores, target in ((start, answer[0]), (end, answer[-1])):
            p = torch.softmax(scores[row, allowed], dim=0)
            for i, position in enumerate(allowed):
                q = (1 - smoothing) * (position == target) + smoothing / len(allowed)
                total += q * math.log(q / float(p[i])) if q else 0.0
    return total / 2 / len(rows.ids)


def test_targets_and_choices():
    start, end = span_targets(BATCH)
    assert start.tolist() == [6, 0, 2, 2]
    assert end.tolist() == [7, 0, 5, 2]
    assert ["".join("x" if a else "." for a in row) for row in span_choices(BATCH).tolist()] == [
        "x..xxxxxxx.",
        "xxxxx......",
        "x.xxxx.....",
        "xxx........",
    ]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_equals_a_dense_reference(smoothing):
    start, end = logits(BATCH)
    output = SpanKL(smoothing=smoothing)(start, end, BATCH)
    assert float(output.loss) == pytest.approx(dense(BATCH, start, end, smoothing), abs=1e-12)
    assert float(output.role_loss.sum()) == pytest.approx(float(output.loss))
    assert set(output.role_loss.nonzero().flatten().tolist()) == {Role.PROMPT, Role.ANSWER}
    assert output.target_nll.shape == (8,)
    assert not output.target_nll.requires_grad


def test_gradient_is_that_of_smoothed_cross_entropy_where_every_token_may_be_chosen():
    rows = batch("aacccc", "ccccaa", "caaccc")
    ours = [scores.requires_grad_() for scores in logits(rows, seed=1)]
    theirs = [scores.detach().clone().requires_grad_() for scores in ours]
    SpanKL(smoothing=0.1)(*ours, rows).loss.backward()
    wanted = sum(
        torch.nn.functional.cross_entropy(scores, targets, label_smoothing=0.1) / 2
        for scores, targets in zip(theirs, span_targets(rows), strict=True)
    )
    wanted.backward()
    for left, right in zip(ours, theirs, strict=True):
        assert torch.allclose(left.grad, right.grad, atol=1e-12)


def test_zero_at_its_own_target():
    rows, smoothing = batch("pccap"), 0.2
    right, wrong = math.log(1 - smoothing + smoothing / 4), math.log(smoothing / 4)
    scores = torch.tensor([[wrong, wrong, wrong, right, 50.0]], dtype=torch.float64)
    assert float(SpanKL(smoothing=smoothing)(scores, scores, rows).loss) == pytest.approx(0, abs=1e-12)


def test_what_may_not_be_chosen_does_not_matter():
    start, end = (scores.requires_grad_() for scores in logits(BATCH))
    before = SpanKL(smoothing=0.1)(start, end, BATCH)
    before.loss.backward()
    closed = ~span_choices(BATCH)
    assert not start.grad[closed].any()
    assert not end.grad[closed].any()
    filled = [scores.detach().masked_fill(closed, 1e4) for scores in (start, end)]
    assert torch.equal(SpanKL(smoothing=0.1)(*filled, BATCH).loss, before.loss)


def test_padding_changes_nothing():
    start, end = logits(BATCH)
    wide = batch(*ROWS, width=20)
    padded = [torch.nn.functional.pad(scores, (0, 9), value=7.0) for scores in (start, end)]
    loss = SpanKL(smoothing=0.1)
    assert float(loss(*padded, wide).loss) == pytest.approx(float(loss(start, end, BATCH).loss), abs=1e-12)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_micro_batches_add_up_to_the_gradient_of_the_whole_step(cut):
    loss, whole = SpanKL(smoothing=0.1), [scores.requires_grad_() for scores in logits(BATCH)]
    loss(*whole, BATCH).loss.backward()
    parts = [scores.detach().clone().requires_grad_() for scores in whole]
    for rows in (slice(0, cut), slice(cut, 4)):
        micro = BATCH._replace(ids=BATCH.ids[rows], roles=BATCH.roles[rows], rows=BATCH.rows[rows])
        loss(*(scores[rows] for scores in parts), micro).loss.backward()
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-15)


def test_weights_show_where_the_loss_lies():
    weights = SpanKL(smoothing=0.1).weigh(BATCH)
    assert weights.sum(dim=1).tolist() == [0.25] * 4
    assert weights[0].nonzero().flatten().tolist() == [6, 7]
    assert weights[1].nonzero().flatten().tolist() == [0]
    assert float(weights[3, 2]) == 0.25


def test_half_precision_is_scored_in_float32():
    start, end = (scores.to(torch.bfloat16) for scores in logits(BATCH))
    loss = SpanKL(smoothing=0.1)
    assert loss(start, end, BATCH).loss.dtype == torch.float32
    assert torch.equal(loss(start, end, BATCH).loss, loss(start.float(), end.float(), BATCH).loss)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, math.nan])
def test_bad_smoothing(smoothing):
    with pytest.raises(InputError, match=r"loss\.smoothing: wanted a number in \[0, 1\)"):
        SpanKL(smoothing=smoothing)
