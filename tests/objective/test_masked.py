from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy, log_softmax
from transformers import DistilBertConfig, DistilBertForQuestionAnswering

from fsqa.encode.base import row_name
from fsqa.errors import InputError
from fsqa.model.source import Wanted
from fsqa.objective.masked import Masked
from fsqa.objective.self_check import check_objective
from fsqa.prompt import Template
from fsqa.scheduler.warmup import Constant
from fsqa.types import Record, Role
from tests.builders import apart, batch, configured, gradient
from tests.masking import ENCODERS, filler, masking_characters, masking_encoder, spelt

LAYOUT = Template(start=True, segments=[{"prompt": "{question}?"}, {"answer": "{answer}"}])
MASKS = 4
QUESTIONS = [("who is it", "me"), ("a", "xyz"), ("what has far too many letters", "k"), ("cut", "vwxyz")]
"""The last answer is cut: it has no end token."""
STRATEGIES = [("answer", "example"), ("answer", "token"), ("answer_end", "example"), ("answer_end", "token")]
every_strategy = pytest.mark.parametrize(("name", "mean"), STRATEGIES, ids=["-".join(pair) for pair in STRATEGIES])
every_encoder = pytest.mark.parametrize("architecture", ENCODERS)


def rows(questions=QUESTIONS):
    records = [
        Record(id=str(i), question=question, answers=(answer,)) for i, (question, answer) in enumerate(questions)
    ]
    return masking_encoder(MASKS, 48).examples([LAYOUT(r) for r in records], [row_name(r) for r in records])


def objective(model, name="answer_end", mean="example"):
    return Masked(masks=MASKS, coverage=1.0).module(
        model=model,
        encoder=masking_encoder(MASKS, 48),
        loss=configured("loss", name, mean=mean),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=Constant(warmup=0),
    )


def by_hand(question, answer):
    """What the model sees of one row, and where its targets stand: written out, with nothing shared with the code."""
    tokenizer = masking_characters()
    given = [tokenizer.cls_token_id, *tokenizer(f"{question}?")["input_ids"], tokenizer.sep_token_id]
    targets = [*tokenizer(answer)["input_ids"], tokenizer.sep_token_id][:MASKS]
    seen = [*given, *[tokenizer.mask_token_id] * MASKS, tokenizer.sep_token_id]
    return torch.tensor([seen]), list(range(len(given), len(given) + len(targets))), targets


def plain_reference(model, name, mean):
    """The same loss from full logits of each row alone, and a dense target."""
    loss = configured("loss", name, mean=mean)
    each, counted = [], []
    for question, answer in QUESTIONS:
        seen, places, targets = by_hand(question, answer)
        logits = model(input_ids=seen).logits[0]
        dense = torch.full_like(logits, loss.smoothing / logits.shape[-1])
        scored = []
        for place, target in zip(places, targets, strict=True):
            dense[place, target] += 1 - loss.smoothing
            is_end = target == masking_characters().sep_token_id
            if not (is_end and name == "answer"):
                scored.append(torch.nn.KLDivLoss(reduction="sum")(log_softmax(logits[place], dim=-1), dense[place]))
        each.append(sum(scored))
        counted.append(len(scored))
    if mean == "token":
        return sum(each) / sum(counted)
    return sum(total / count for total, count in zip(each, counted, strict=True)) / len(each)


@every_strategy
@every_encoder
def test_loss_equals_the_dense_loss_of_each_row_alone(architecture, name, mean):
    model = filler(architecture).double()
    output = objective(model, name, mean).weighted_loss(batch(*rows(), pad_id=0))
    torch.testing.assert_close(output.loss, plain_reference(model, name, mean), rtol=1e-7, atol=0)
    assert output.role_loss.sum().item() == pytest.approx(output.loss.item(), rel=1e-7)
    assert output.role_loss[Role.PROMPT] == 0


@every_strategy
@pytest.mark.parametrize("parts", [[[0, 1], [2, 3]], [[3], [0, 1, 2]], [[0], [1], [2], [3]]])
def test_micro_batches_add_up_to_the_gradient_of_one_batch(name, mean, parts):
    every = rows()
    of = objective(filler().double(), name, mean)

    def summed(*batches):
        of.zero_grad()
        sum(of.weighted_loss(b).loss for b in batches).backward()
        return gradient_of(of.model)

    whole = summed(batch(*every))
    parted = summed(*(batch(*(every[i] for i in part), step=every) for part in parts))
    assert apart(parted, whole) < 1e-10


def gradient_of(model):
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return gradient(model)


def test_the_model_sees_masks_where_the_targets_stand():
    model, seen = filler(), []
    model.register_forward_pre_hook(lambda _, __, named: seen.append(named["input_ids"]), with_kwargs=True)
    objective(model).weighted_loss(batch(*rows(QUESTIONS[:2]), width=40))
    assert [spelt(row) for row in seen[0]] == ["^who is it?$****$", f"^a?$****${'$' * 8}"]


def test_no_mask_knows_the_answer():
    """Other targets leave the logits as they are: nothing of an answer reaches the model but its length."""
    whole = batch(*rows())
    hidden = (whole.roles == Role.ANSWER) | (whole.roles == Role.END)
    of = objective(filler())
    other = whole._replace(ids=torch.where(hidden, 50, whole.ids))
    assert torch.equal(of.logits(whole, hidden), of.logits(other, hidden))


def test_no_mask_knows_how_long_the_answer_is():
    of = objective(filler().double())

    def first_token(answer):
        own = batch(*rows([("who", answer)]))
        chosen = torch.zeros_like(own.ids, dtype=torch.bool)
        chosen[0, len("^who?$")] = True
        return of.logits(own, chosen)

    assert torch.equal(first_token("a"), first_token("abc"))


@every_encoder
def test_answer_scores_are_those_of_each_row_alone(architecture):
    model = filler(architecture).double()
    scores = objective(model, "answer_end").score_answers(batch(*rows(), pad_id=0))
    for i, (question, answer) in enumerate(QUESTIONS):
        seen, places, targets = by_hand(question, answer)
        letters = min(len(answer), MASKS)
        logits = model(input_ids=seen).logits[0][places[:letters]]
        right = torch.tensor(targets[:letters])
        assert scores.nll[i].item() == pytest.approx(cross_entropy(logits, right, reduction="sum").item(), rel=1e-10)
        assert (scores.tokens[i], scores.correct[i]) == (letters, (logits.argmax(dim=-1) == right).sum())


@every_encoder
@pytest.mark.parametrize("name", ["answer", "answer_end"])
def test_self_check_passes(architecture, name):
    of = objective(filler(architecture), name)
    check_objective(of, batch(*rows()))
    ours, full = of.compare_logits(batch(*rows()))
    assert ours.shape == full.shape
    torch.testing.assert_close(ours, full)


def test_the_projection_runs_at_targets_alone():
    model, sizes = filler(), []
    model.get_output_embeddings().register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape)))
    output = objective(model, "answer_end").weighted_loss(batch(*rows()))
    targets = sum(min(len(answer) + 1, MASKS) for _, answer in QUESTIONS)
    assert sizes == [(targets, model.config.vocab_size)]
    assert len(output.target_nll) == targets
    model(input_ids=torch.tensor([[1, 2, 3]]))
    assert sizes[1] == (1, 3, model.config.vocab_size), "the head is as it was"


@pytest.mark.parametrize("name", ["all", "balanced"])
def test_a_loss_on_visible_tokens_is_refused(name):
    with pytest.raises(InputError, match=r"loss\.weights\.prompt=1: .* visible is no target; set loss=answer_end"):
        Masked(masks=None, coverage=0.99).check(configured("loss", name), configured("generation", "fill"))


def test_a_way_of_answering_for_decoders_is_refused():
    masked = Masked(masks=None, coverage=0.99)
    masked.check(configured("loss", "answer"), configured("generation", "fill"))
    with pytest.raises(InputError, match="objective=masked cannot answer by Greedy; set generation=fill"):
        masked.check(configured("loss", "answer"), configured("generation", "greedy"))
    with pytest.raises(InputError, match="objective=causal cannot answer by Fill; set generation=greedy"):
        configured("objective", "causal").check(configured("loss", "answer"), configured("generation", "fill"))


def test_a_chat_is_refused():
    with pytest.raises(InputError, match="which has no chat template; set prompt=joined"):
        Masked(masks=None, coverage=0.99).check_prompt(configured("prompt", "chat"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"masks": 1}, r"objective\.masks: wanted 2 or more \(a token and its end\), or null, got 1"),
        ({"coverage": 0.0}, r"objective\.coverage: wanted a share above 0 and up to 1, got 0\.0"),
        ({"coverage": 1.5}, r"objective\.coverage: wanted a share above 0 and up to 1, got 1\.5"),
    ],
)
def test_bad_settings_are_refused(settings, told):
    with pytest.raises(InputError, match=told):
        Masked(**{"masks": None, "coverage": 0.99, **settings})


def test_the_training_answers_decide_the_number_of_masks():
    records = [Record(id=str(i), question="q", answers=("x" * length,)) for i, length in enumerate([1, 2, 2, 9])]
    for coverage, masks in ((0.75, 3), (0.76, 10), (0.1, 2)):
        asked = Masked(masks=None, coverage=coverage)
        assert asked.decided(masking_characters(), LAYOUT, records) == Masked(masks=masks, coverage=coverage)
    told = Masked(masks=7, coverage=0.1)
    assert told.decided(masking_characters(), LAYOUT, records) is told


def test_weights_without_the_head_are_taken_with_a_note(tmp_path, caplog):
    """As from a checkpoint that was made to cut answers out of a text."""
    config = DistilBertConfig(dim=32, hidden_dim=64, n_layers=1, n_heads=2, vocab_size=200)
    pretrained = DistilBertForQuestionAnswering(config)
    pretrained.save_pretrained(tmp_path)
    tokenizer = masking_characters()
    wanted = Wanted(model_class=Masked.model_class, new_head=Masked.new_head)
    model = configured("model", "pretrained", path=str(tmp_path)).model(tokenizer, 64, 0, wanted)
    assert "has no head for this objective: 5 of its tensors (vocab_layer_norm.bias ...) start at random" in caplog.text
    body = pretrained.distilbert.state_dict()
    assert all(torch.equal(value, body[name]) for name, value in model.distilbert.state_dict().items())
