"""Documents that share a row: each trains as if it had the row to itself."""

from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy

from fsqa.encode.blocks import BlockEncoder, document_numbers
from fsqa.errors import InputError
from fsqa.objective.causal_module import CausalModule
from fsqa.objective.packed_module import (
    PackedModule,
    check_isolates,
    document_positions,
    isolating_mask,
    packed_documents,
)
from fsqa.objective.self_check import check_objective
from fsqa.prompt import Text
from fsqa.scheduler.warmup import Constant
from fsqa.types import Record, Role
from tests.builders import SIZES, apart, batch, characters, configured, gradient, scratch

MORE_SIZES = {
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "rotary_dim": 8}
    | dict.fromkeys(["resid_pdrop", "embd_pdrop", "attn_pdrop"], 0.0),
    "phi3": {**SIZES["llama"], "sliding_window": None},
    "qwen3": {**SIZES["llama"], "head_dim": 8},
}
ARCHITECTURES = {**SIZES, **MORE_SIZES}
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
PRECISIONS = [(torch.float32, 1e-5), (torch.float64, 1e-10)]
SINGLE_INSIDE = ("gpt_neo", "gptj")
"""Architectures that compute attention in single precision whatever the weights are."""
DOCUMENTS = ["the cat sat on", "a", "mats. mats! mats? and more mats", "so", "it goes, on and on", "end"]


def packed(texts, *, max_length=24, isolated=True, start=False):
    encoder = BlockEncoder(tokenizer=characters(), max_length=max_length, isolated=isolated)
    layout = Text(start=start, text="{context}")
    prompts = [layout(Record(id=str(i), question="", answers=(), context=text)) for i, text in enumerate(texts)]
    return encoder.examples(prompts, [str(i) for i in range(len(texts))])


def small(architecture, dtype=torch.float64, max_length=64):
    model = scratch(architecture, size=ARCHITECTURES[architecture]).model(characters(), max_length, 0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3.0)
    return model.to(dtype)


def objective(model, loss="all", kind=PackedModule, **changes):
    return kind(
        model=model,
        loss=configured("loss", loss, **changes),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=Constant(warmup=0),
    )


def one_by_one(model, blocks):
    """The summed NLL of every document's tokens, each document run alone and without any mask."""
    total = 0.0
    for block in blocks:
        numbers = (block.roles == Role.OPENING).cumsum()
        for number in sorted(set(numbers.tolist())):
            ids = torch.from_numpy(block.ids[numbers == number]).long()[None]
            if ids.shape[1] > 1:
                logits = model(input_ids=ids[:, :-1], use_cache=False).logits[0]
                total = total + cross_entropy(logits, ids[0, 1:], reduction="sum")
    return total


@every_architecture
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["float32", "float64"])
def test_packed_documents_train_as_they_do_one_by_one(architecture, dtype, tolerance):
    tolerance = 1e-5 if architecture in SINGLE_INSIDE else tolerance
    model, blocks = small(architecture, dtype), packed(DOCUMENTS)
    of, whole = objective(model, mean="token", smoothing=0.0), batch(*blocks)
    targets = sum(int((block.roles[1:] != Role.OPENING).sum()) for block in blocks)

    weight = of.loss.weigh(whole).max()
    assert weight == pytest.approx(1 / targets)
    reference = one_by_one(model, blocks) * weight  # weights are single precision
    reference.backward()
    wanted = gradient_of(model)
    model.zero_grad()
    output = of.weighted_loss(whole)
    output.loss.backward()

    assert len(blocks) > 2
    assert output.loss.item() == pytest.approx(reference.item(), rel=min(tolerance, 1e-6))
    assert len(output.target_nll) == targets
    assert apart(gradient_of(model), wanted) < tolerance


def gradient_of(model):
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return gradient(model)


def document_nll(of, texts, document, **settings):
    (block,) = packed(texts, max_length=64, **settings)
    scores = of.score_tokens(batch(block))
    numbers = document_numbers(torch.from_numpy(block.roles).long()[None])
    return scores.nll[numbers[scores.chosen] == document]


@every_architecture
def test_a_document_sees_nothing_of_its_neighbours(architecture):
    model = small(architecture)
    of = objective(model)
    before = document_nll(of, ["first text", "the second one", "third"], 1)
    for neighbours in (["FIRST TEXT", "third"], ["!", "another, much longer third"]):
        after = document_nll(of, [neighbours[0], "the second one", neighbours[1]], 1)
        assert torch.allclose(after, before, rtol=1e-10, atol=1e-10)
    changed = document_nll(of, ["first text", "tHe second one", "third"], 1)
    assert not torch.allclose(changed, before, rtol=1e-3)  # its own words do count


@every_architecture
def test_joined_documents_see_what_stands_before_them(architecture):
    of = objective(small(architecture), kind=CausalModule)
    before = document_nll(of, ["first text", "the second one"], 1, isolated=False)
    after = document_nll(of, ["FIRST TEXT", "the second one"], 1, isolated=False)
    assert len(before) == len("the second one")  # the first letter is predicted too, from the end before it
    assert (after - before).abs().max() > 1e-4


@every_architecture
def test_self_check_sets_blocks_against_documents_one_by_one(architecture, monkeypatch):
    of, whole = objective(small(architecture)), batch(*packed(DOCUMENTS))
    check_objective(of, whole)
    ours, alone = of.compare_logits(whole)
    assert ours.shape == alone.shape
    assert torch.allclose(ours, alone, rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(PackedModule, "_forward", CausalModule._forward)  # the leak it is there to find
    with pytest.raises(InputError, match="logits at the chosen positions differ"):
        check_objective(of, whole)


def test_numbers_positions_and_mask_by_hand():
    roles = torch.tensor([[Role.ANSWER, Role.END, Role.OPENING, Role.ANSWER, Role.END, Role.PAD]])
    assert packed_documents(roles).tolist() == [[0, 0, 1, 1, 1, 1]]
    assert document_positions(roles).tolist() == [[0, 1, 0, 1, 2, 3]]
    mask = isolating_mask(packed_documents(roles), torch.float32)
    assert mask.shape == (1, 1, 6, 6)
    seen = [[column for column in range(6) if mask[0, 0, row, column] == 0] for row in range(6)]
    assert seen == [[0], [0, 1], [2], [2, 3], [2, 3, 4], [2, 3, 4, 5]]
    assert mask.unique().tolist() == [torch.finfo(torch.float32).min, 0.0]


@pytest.mark.parametrize("loss", ["all", "answer_end", "balanced"])
@pytest.mark.parametrize("start", [False, True])
def test_an_opening_is_no_target_under_any_loss(loss, start):
    whole = batch(*packed(DOCUMENTS, start=start))
    weights = configured("loss", loss).weigh(whole)
    assert not weights[whole.roles == Role.OPENING].any()
    assert torch.allclose(weights.sum(), torch.tensor(1.0))  # a mean over blocks, each block's own mean in it


@pytest.mark.parametrize("mean", ["example", "token"])
@pytest.mark.parametrize("start", [False, True])
def test_micro_batches_of_blocks_add_up_to_the_gradient_of_one_batch(mean, start):
    blocks = packed(DOCUMENTS, max_length=16, start=start)
    assert len({len(block.ids) for block in blocks}) > 1
    of = objective(small("gpt2"), mean=mean)
    sums = []
    for parts in ([blocks], [blocks[:1], blocks[1:3], blocks[3:]], [[block] for block in blocks]):
        of.zero_grad()
        loss = sum(of.weighted_loss(batch(*part, step=blocks)).loss for part in parts)
        loss.backward()
        sums.append((loss.item(), gradient(of.model)))
    for loss, own in sums[1:]:
        assert loss == pytest.approx(sums[0][0], rel=1e-10)
        assert apart(own, sums[0][1]) < 1e-10


def test_bloom_cannot_keep_documents_apart():
    model = scratch("bloom", size={"hidden_size": 32, "n_layer": 1, "n_head": 2}).model(characters(), 64, 0)
    with pytest.raises(InputError, match=r"objective.isolated: bloom takes no position .* objective.isolated=false"):
        check_isolates(model, 64)


def test_a_sliding_window_shorter_than_the_blocks_is_refused():
    window = {**SIZES["llama"], "sliding_window": 32}
    model = scratch("mistral", size=window).model(characters(), 64, 0)
    check_isolates(model, 32)
    with pytest.raises(InputError, match=r"mistral looks back 32 tokens only, .* max_length=64; set max_length=32"):
        check_isolates(model, 64)


@pytest.mark.parametrize("architecture", ["gpt_neo", "gpt2", "llama", "opt"])
@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_half_precision_keeps_documents_apart_too(architecture, weights):
    of, whole = objective(small(architecture, weights)), batch(*packed(DOCUMENTS))
    with torch.autocast("cpu", torch.bfloat16, enabled=weights is torch.float32):
        output = of.weighted_loss(whole)
        ours, alone = of.compare_logits(whole)
    output.loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in of.model.parameters() if parameter.grad is not None)
    assert (ours - alone).abs().max() < 0.05 * alone.abs().max()
