"""The last touches that every model gets."""

import torch

from fsqa.model.depth import blocks
from tests.builders import learned, scratch


def test_compiled_blocks_compute_the_same():
    """One loss and one gradient step of rows of two lengths, within rounding; names and files stay as they are."""
    tokenizer = learned()
    plain = scratch("llama").model(tokenizer, 64, seed=0)
    compiled = scratch("llama", compile=True).model(tokenizer, 64, seed=0)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    assert [block._compiled_call_impl is not None for block in blocks(compiled)] == [True, True]
    assert not any(block._compiled_call_impl for block in blocks(plain))
    for length in (7, 12):
        ids = torch.randint(len(tokenizer), (2, length), generator=torch.Generator().manual_seed(length))
        losses = [model(input_ids=ids, labels=ids, use_cache=False).loss for model in (plain, compiled)]
        torch.testing.assert_close(*losses, rtol=0, atol=1e-5)
        for loss in losses:
            loss.backward()
    for one, other in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=0, atol=1e-5)
