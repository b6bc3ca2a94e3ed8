import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, log_softmax

from fsqa.loss.pointwise_kl import pointwise_kl, smoothed_entropy

SMOOTHINGS = [0.0, 0.01, 0.1, 0.5, 0.99]


def target_distribution(targets, vocabulary, smoothing):
    """The dense target, written out: q = (1 - a) onehot + a / V."""
    dense = torch.full((len(targets), vocabulary), smoothing / vocabulary, dtype=torch.float64)
    dense[torch.arange(len(targets)), targets] += 1 - smoothing
    return dense


def dense_kl(logits, targets, smoothing):
    target = target_distribution(targets, logits.shape[-1], smoothing)
    return torch.nn.KLDivLoss(reduction="none")(log_softmax(logits, dim=-1), target).sum(dim=-1)


def random_case(seed, rows=7, vocabulary=11, spread=3.0):
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(rows, vocabulary, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(vocabulary, (rows,), generator=generator)


@pytest.mark.parametrize(
    ("logits", "kl", "smoothed_ce"),
    [([0.0, 0.0, 0.0, 0.0, 0.0], 1.219765, 1.609438), ([0.0, 0.0, 5.0, 0.0, 0.0], 0.036922, 0.426595)],
)
def test_golden_values(logits, kl, smoothed_ce):
    z, y = torch.tensor([logits], dtype=torch.float64), torch.tensor([2])
    divergence, _ = pointwise_kl(z, y, 0.1)
    assert divergence.item() == pytest.approx(kl, abs=5e-7)
    assert divergence.item() + smoothed_entropy(5, 0.1) == pytest.approx(smoothed_ce, abs=5e-7)
    assert cross_entropy(z, y, label_smoothing=0.1).item() == pytest.approx(smoothed_ce, abs=5e-7)


@pytest.mark.parametrize(("vocabulary", "entropy"), [(30522, 1.357659), (50257, 1.407546)])
def test_golden_entropies(vocabulary, entropy):
    assert smoothed_entropy(vocabulary, 0.1) == pytest.approx(entropy, abs=5e-7)


@pytest.mark.parametrize("smoothing", [0.01, 0.1, 0.5, 0.99])
def test_zero_where_prediction_is_the_target_distribution(smoothing):
    targets = torch.tensor([2, 0])
    logits = (target_distribution(targets, 5, smoothing).log() + 3.0).requires_grad_()
    divergence, _ = pointwise_kl(logits, targets, smoothing)
    divergence.sum().backward()
    assert divergence.abs().max() < 1e-12
    assert logits.grad.abs().max() < 1e-12


@given(
    seed=st.integers(0, 2**31), smoothing=st.floats(0, 0.999), vocabulary=st.integers(2, 40), spread=st.floats(0, 20)
)
@budget(max_examples=60)
def test_value_and_gradient_of_the_dense_kl(seed, smoothing, vocabulary, spread):
    logits, targets = random_case(seed, vocabulary=vocabulary, spread=spread)
    upstream = torch.linspace(-1, 2, len(targets), dtype=torch.float64)
    ours, _ = pointwise_kl(logits, targets, smoothing)
    (ours_gradient,) = torch.autograd.grad(ours @ upstream, logits)
    dense = dense_kl(logits, targets, smoothing)
    (dense_gradient,) = torch.autograd.grad(dense @ upstream, logits)
    torch.testing.assert_close(ours, dense, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ours_gradient, dense_gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_smoothed_cross_entropy_minus_the_target_entropy(smoothing):
    logits, targets = random_case(seed=1)
    ours, _ = pointwise_kl(logits, targets, smoothing)
    theirs = cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    target = target_distribution(targets, logits.shape[-1], smoothing)
    entropy = -torch.special.xlogy(target, target).sum(dim=-1)
    torch.testing.assert_close(ours, theirs - entropy, rtol=1e-10, atol=1e-10)
    (ours_gradient,) = torch.autograd.grad(ours.sum(), logits)
    (theirs_gradient,) = torch.autograd.grad(theirs.sum(), logits)
    torch.testing.assert_close(ours_gradient, theirs_gradient, rtol=1e-10, atol=1e-10)


def test_no_smoothing_is_exactly_the_nll():
    logits, targets = random_case(seed=2)
    divergence, nll = pointwise_kl(logits, targets, 0.0)
    assert torch.equal(divergence, nll)
    torch.testing.assert_close(nll, cross_entropy(logits, targets, reduction="none"), rtol=1e-12, atol=1e-12)


def test_nll_is_plain_under_smoothing_and_carries_no_gradient():
    logits, targets = random_case(seed=3)
    _, nll = pointwise_kl(logits, targets, 0.3)
    torch.testing.assert_close(nll, cross_entropy(logits, targets, reduction="none"), rtol=1e-12, atol=1e-12)
    assert not nll.requires_grad


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_gradcheck(smoothing):
    logits, targets = random_case(seed=4, rows=3, vocabulary=5)
    assert torch.autograd.gradcheck(lambda z: pointwise_kl(z, targets, smoothing)[0], (logits,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_stay_finite(dtype):
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], dtype=dtype, requires_grad=True)
    divergence, nll = pointwise_kl(logits, torch.tensor([1, 0]), 0.1)
    divergence.sum().backward()
    assert divergence.isfinite().all()
    assert nll.tolist() == pytest.approx([2e4, 2e4 + math.log(2)], rel=1e-6)
    assert logits.grad.isfinite().all()


def test_no_target_gives_an_empty_loss():
    logits = torch.zeros(0, 5, requires_grad=True)
    divergence, nll = pointwise_kl(logits, torch.zeros(0, dtype=torch.long), 0.1)
    divergence.sum().backward()
    assert divergence.shape == nll.shape == (0,)
    assert logits.grad.shape == (0, 5)


def test_one_vocabulary_sized_tensor_is_kept_for_the_backward_pass():
    rows, vocabulary = 4, 150_000
    logits = torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(0)).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: kept.append(saved) or saved, lambda saved: saved):
        divergence, _ = pointwise_kl(logits, torch.arange(rows), 0.1)
    large = [saved for saved in kept if saved.numel() >= vocabulary]
    assert [saved.data_ptr() for saved in large] == [logits.data_ptr()]
    assert sum(saved.numel() for saved in kept) == rows * vocabulary + 2 * rows
    reference = cross_entropy(logits.double(), torch.arange(rows), label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(divergence.double(), reference - smoothed_entropy(vocabulary, 0.1), rtol=1e-5, atol=1e-5)


def in_place_case(seed, **sizes):
    """A case whose logits are nobody's leaf, as those that a head gives."""
    logits, targets = random_case(seed, **sizes)
    return logits, logits * 1.0, targets


@given(
    seed=st.integers(0, 2**31), smoothing=st.floats(0, 0.999), vocabulary=st.integers(2, 40), spread=st.floats(0, 20)
)
@budget(max_examples=60)
def test_consumed_logits_score_and_learn_the_same(seed, smoothing, vocabulary, spread):
    start, consumed, targets = in_place_case(seed, vocabulary=vocabulary, spread=spread)
    upstream = torch.linspace(-1, 2, len(targets), dtype=torch.float64)
    plain, plain_nll = pointwise_kl(start, targets, smoothing)
    (plain_gradient,) = torch.autograd.grad(plain @ upstream, start)
    ours, nll = pointwise_kl(consumed, targets, smoothing, consume=True)
    (gradient,) = torch.autograd.grad(ours @ upstream, start)
    for left, right in ((ours, plain), (nll, plain_nll), (gradient, plain_gradient)):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)


def test_the_gradient_takes_the_memory_of_consumed_logits():
    start, consumed, targets = in_place_case(seed=5)
    memory, seen = consumed.data_ptr(), []
    consumed.register_hook(lambda gradient: seen.append(gradient.data_ptr()))
    pointwise_kl(consumed, targets, 0.1, consume=True)[0].sum().backward()
    assert seen == [memory]
    assert start.grad.any()


def test_consumed_logits_that_are_needed_after_all_are_an_error():
    start, targets = random_case(seed=6)
    capped = start.tanh()  # its own backward pass needs what it gave
    divergence, _ = pointwise_kl(capped, targets, 0.1, consume=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        divergence.sum().backward()


def test_consumed_logits_allow_one_backward_pass():
    _, consumed, targets = in_place_case(seed=7)
    divergence, _ = pointwise_kl(consumed, targets, 0.1, consume=True)
    divergence.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        divergence.sum().backward()


def test_consumed_extreme_logits_stay_finite():
    start = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], requires_grad=True)
    divergence, nll = pointwise_kl(start * 1.0, torch.tensor([1, 0]), 0.1, consume=True)
    divergence.sum().backward()
    assert nll.tolist() == pytest.approx([2e4, 2e4 + math.log(2)], rel=1e-6)
    assert divergence.isfinite().all()
    assert start.grad.isfinite().all()


def test_no_consumed_target_gives_an_empty_loss():
    start = torch.zeros(0, 5, requires_grad=True)
    divergence, nll = pointwise_kl(start * 1.0, torch.zeros(0, dtype=torch.long), 0.1, consume=True)
    divergence.sum().backward()
    assert divergence.shape == nll.shape == (0,)
    assert start.grad.shape == (0, 5)
