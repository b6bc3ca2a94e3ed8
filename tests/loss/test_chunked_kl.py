import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from torch.nn.functional import linear

from fsqa.loss.chunked_kl import Projection, chunk_size, chunked_kl
from fsqa.loss.pointwise_kl import pointwise_kl
from fsqa.types import Role
from tests.builders import configured

SMOOTHINGS = [0.0, 0.1, 0.9]
WIDTH, VOCABULARY = 6, 13


def case(rows=7, seed=0, bias=True, dtype=torch.float64, frozen=()):
    """Hidden states, a projection, targets and weights; what is named in ``frozen`` does not learn."""
    random = torch.Generator().manual_seed(seed)

    def learned(name, *shape):
        values = torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype)
        return values.requires_grad_(name not in frozen)

    hidden, weight = learned("hidden", rows, WIDTH), learned("weight", VOCABULARY, WIDTH)
    projection = Projection(weight, learned("bias", VOCABULARY) if bias else None)
    targets = torch.randint(VOCABULARY, (rows,), generator=random)
    return hidden, projection, targets, torch.rand(rows, generator=random)


def leaves(hidden, projection):
    return [each for each in (hidden, *projection) if each is not None and each.requires_grad]


def whole(hidden, projection, targets, weights, smoothing):
    """The loss from all logits at once, and its gradients scaled by 2.5."""
    logits = linear(hidden, *projection)
    divergence, nll = pointwise_kl(logits.float() if logits.dtype.itemsize == 2 else logits, targets, smoothing)
    loss = (divergence * weights.to(divergence.dtype)).sum()
    return loss, divergence, nll, torch.autograd.grad(2.5 * loss, leaves(hidden, projection))


def chunked(hidden, projection, targets, weights, smoothing, positions):
    loss, divergence, nll = chunked_kl(hidden, projection, targets, weights, smoothing, positions)
    return loss, divergence, nll, torch.autograd.grad(2.5 * loss, leaves(hidden, projection))


def assert_same(ours, plain, **tolerance):
    for left, right in zip([*ours[:3], *ours[3]], [*plain[:3], *plain[3]], strict=True):
        torch.testing.assert_close(left, right, **tolerance)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("positions", [1, 2, 3, 6, 7, 100])
def test_value_and_gradients_of_whole_logits(smoothing, bias, positions):
    arguments = (*case(bias=bias), smoothing)
    assert_same(chunked(*arguments, positions), whole(*arguments), rtol=1e-12, atol=1e-12)


@given(rows=st.integers(1, 12), positions=st.integers(1, 13), seed=st.integers(0, 2**31), smoothing=st.floats(0, 0.999))
@budget(max_examples=40)
def test_any_number_of_chunks(rows, positions, seed, smoothing):
    arguments = (*case(rows, seed), smoothing)
    assert_same(chunked(*arguments, positions), whole(*arguments), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("frozen", [("weight",), ("weight", "bias"), ("hidden",), ("hidden", "weight"), ("bias",)])
def test_what_is_frozen_gets_no_gradient(frozen):
    arguments = (*case(frozen=frozen), 0.1)
    assert_same(chunked(*arguments, 2), whole(*arguments), rtol=1e-12, atol=1e-12)
    hidden, projection = arguments[:2]
    chunked_kl(*arguments, 2)[0].backward()
    assert [each.grad is None for each in (hidden, *projection)] == [
        name in frozen for name in ("hidden", "weight", "bias")
    ]


def test_a_head_that_is_tied_to_an_embedding_gets_both_gradients():
    _, projection, targets, weights = case()
    ids = torch.arange(7)

    def gradient(score):
        (total,) = torch.autograd.grad(score(projection.weight[ids].tanh()), projection.weight)
        return total

    ours = gradient(lambda hidden: chunked_kl(hidden, projection, targets, weights, 0.1, 3)[0])
    plain = gradient(lambda hidden: pointwise_kl(linear(hidden, *projection), targets, 0.1)[0] @ weights.double())
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_no_gradient_is_formed_where_none_is_asked_for():
    arguments = (*case(), 0.1)
    plain = whole(*arguments)
    with torch.no_grad():
        loss, divergence, nll = chunked_kl(*arguments, 2)
    assert not loss.requires_grad
    assert_same((loss, divergence, nll, ()), (*plain[:3], ()), rtol=1e-12, atol=1e-12)


def test_scores_of_single_targets_carry_no_gradient():
    _, divergence, nll = chunked_kl(*case(), 0.1, 2)
    assert not divergence.requires_grad
    assert not nll.requires_grad


@pytest.mark.parametrize("frozen", [(), ("weight",)])
def test_no_target_gives_an_empty_loss(frozen):
    hidden, projection, targets, weights = case(rows=0, frozen=frozen)
    loss, divergence, _ = chunked_kl(hidden, projection, targets, weights, 0.1, chunk_size(0, VOCABULARY, 1))
    loss.backward()
    assert loss.item() == 0
    assert divergence.shape == (0,)
    assert hidden.grad.shape == (0, WIDTH)
    assert projection.weight.grad is None if frozen else not projection.weight.grad.any()
    assert not projection.bias.grad.any()


def test_there_is_one_backward_pass():
    loss, _, _ = chunked_kl(*case(), 0.1, 2)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        loss.backward()


def test_autograd_takes_the_gradients_over_without_a_copy(monkeypatch):
    addresses = set()
    empty_like = torch.empty_like

    def recorded(*arguments, **options):
        buffer = empty_like(*arguments, **options)
        addresses.add(buffer.data_ptr())
        return buffer

    monkeypatch.setattr(torch, "empty_like", recorded)
    hidden, projection, targets, weights = case()
    chunked_kl(hidden, projection, targets, weights, 0.1, 2)[0].backward()
    assert hidden.grad.data_ptr() in addresses
    assert projection.weight.grad.data_ptr() in addresses


def test_no_more_than_a_chunk_of_logits_exists(monkeypatch):
    """Everything made with as many numbers as a vocabulary has: the chunk's own memory, once, and the weight's."""
    from torch.utils._python_dispatch import TorchDispatchMode

    vocabulary, rows, positions = 997, 40, 4
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, 3, generator=random).requires_grad_()
    weight = torch.randn(vocabulary, 3, generator=random).requires_grad_()
    targets, weights = torch.arange(rows), torch.ones(rows)
    largest = {}

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            made = function(*arguments, **(options or {}))
            if isinstance(made, torch.Tensor) and made.shape[-1:] == (vocabulary,):
                storage = made.untyped_storage()
                largest[storage.data_ptr()] = storage.nbytes()
            return made

    with Watch():
        chunked_kl(hidden, Projection(weight, None), targets, weights, 0.1, positions)[0].backward()
    logits = [size for size in largest.values() if size != weight.untyped_storage().nbytes()]
    assert logits == [positions * vocabulary * 4]


@pytest.mark.parametrize("positions", [2, 7])
def test_autocast_multiplies_in_16_bits_and_scores_in_32(positions):
    arguments = (*case(dtype=torch.float32), 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        plain = whole(*arguments)
        ours = chunked(*arguments, positions)
    assert ours[1].dtype == torch.float32
    assert [gradient.dtype for gradient in ours[3]] == [torch.float32] * 3
    assert_same((*ours[:3], ()), (*plain[:3], ()), rtol=1e-5, atol=1e-5)
    exact = whole(*arguments)
    for one, other, true in zip(ours[3], plain[3], exact[3], strict=True):
        assert (one - true).norm() <= 1.5 * (other - true).norm() + 1e-6


def test_autocast_leaves_float64_alone():
    arguments = (*case(), 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = chunked(*arguments, 2)
    assert_same(ours, whole(*arguments), rtol=1e-12, atol=1e-12)


def test_weights_in_16_bits_get_gradients_that_are_summed_in_32():
    rows = 400
    arguments = (*case(rows, dtype=torch.bfloat16), 0.1)
    ours = chunked(*arguments, 1)
    hidden, projection, *rest = arguments
    exact = whole(hidden.double(), Projection(*(each.double() for each in projection)), *rest)
    assert [gradient.dtype for gradient in ours[3]] == [torch.bfloat16] * 3
    apart = [float((one.double() - true).norm() / true.norm()) for one, true in zip(ours[3], exact[3], strict=True)]
    assert max(apart) < 2**-6


def test_float16_is_refused():
    with pytest.raises(ValueError, match="float16"):
        chunked_kl(*case(dtype=torch.float16), 0.1, 2)


@given(targets=st.integers(1, 5000), vocabulary=st.integers(2, 300_000), megabytes=st.floats(0.01, 1000))
def test_chunks_are_within_the_limit_even_and_as_few_as_can_be(targets, vocabulary, megabytes):
    size = chunk_size(targets, vocabulary, megabytes)
    room = int(megabytes * 1e6 / (4 * vocabulary))
    assert 1 <= size <= max(1, room)
    assert math.ceil(targets / size) == math.ceil(targets / max(1, room))


def test_chunk_sizes_by_hand():
    assert chunk_size(110, 151_936, 64) == 55
    assert chunk_size(31, 50_257, 64) == 31
    assert chunk_size(100, 1000, None) == 100
    assert chunk_size(10, 1000, 0.008) == 2
    assert chunk_size(0, 1000, 64) == 0


@pytest.mark.parametrize("name", ["all", "answer_end", "balanced"])
def test_a_loss_from_hidden_states_is_that_of_their_logits(name):
    loss = configured("loss", name)
    hidden, projection, targets, weights = case()
    roles = torch.tensor([int(Role.PROMPT)] * 3 + [int(Role.ANSWER)] * 3 + [int(Role.END)])
    plain = loss(linear(hidden, *projection), targets, weights, roles)
    ours = loss.from_hidden(hidden, projection, targets, weights, roles, 2)
    for left, right in zip(ours, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
        assert left.requires_grad == right.requires_grad


def test_a_loss_may_consume_its_logits():
    loss = configured("loss", "answer_end")
    hidden, projection, targets, weights = case()
    roles = torch.full((7,), int(Role.ANSWER))
    plain = loss(linear(hidden, *projection), targets, weights, roles)
    ours = loss(linear(hidden, *projection), targets, weights, roles, consume=True)
    for left, right in zip(ours, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(each.loss, (hidden, *projection)) for each in (ours, plain)]
    for left, right in zip(*gradients, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
