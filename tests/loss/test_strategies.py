import math

import pytest
import torch

from fsqa.errors import InputError
from fsqa.loss import BalancedKL, SmoothedKL
from fsqa.types import Role
from tests.builders import LOSSES, batch, configured

ROWS = ("ppaae", "pppppae", "pcaaaae")
"""Prompt, context, answer and end tokens of three rows; a row's first token is never a target."""

EXPECTED = {
    "all": [[0, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 0, 0], [0, *[1 / 6] * 6], [0, *[1 / 6] * 6]],
    "answer_end": [
        [0, 0, 1 / 3, 1 / 3, 1 / 3, 0, 0],
        [0, 0, 0, 0, 0, 1 / 2, 1 / 2],
        [0, 0, 1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5],
    ],
    "answer": [[0, 0, 1 / 2, 1 / 2, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0], [0, 0, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 0]],
    # In the third row the one prompt token opens the row and the context counts 0: no question side, so all is answer.
    "balanced": [
        [0, 1 / 2, 1 / 6, 1 / 6, 1 / 6, 0, 0],
        [0, 1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 4, 1 / 4],
        [0, 0, 1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5],
    ],
}


def strategies():
    """Every file of conf/loss, and those with a mean once more over tokens."""
    cases = [(name, {}) for name in LOSSES]
    cases += [(name, {"mean": "token"}) for name in LOSSES if hasattr(configured("loss", name), "mean")]
    return [pytest.param(name, changes, id="-".join([name, *changes.values()])) for name, changes in cases]


every_strategy = pytest.mark.parametrize(("name", "changes"), strategies())


def weigh(name, changes, *rows, **placing):
    return configured("loss", name, **changes).weigh(batch(*rows, **placing))


def assert_close_to(left, right):
    torch.testing.assert_close(left, torch.as_tensor(right, dtype=left.dtype), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", EXPECTED)
def test_weights_by_hand(name):
    assert_close_to(weigh(name, {}, *ROWS), torch.tensor(EXPECTED[name]) / 3)


@pytest.mark.parametrize(
    ("name", "counted"), [("all", {"p", "c", "a", "e"}), ("answer_end", {"a", "e"}), ("answer", {"a"})]
)
def test_token_mean_by_hand(name, counted):
    marks = [[i > 0 and i < len(row) and row[i] in counted for i in range(7)] for row in ROWS]
    assert_close_to(weigh(name, {"mean": "token"}, *ROWS), torch.tensor(marks).float() / torch.tensor(marks).sum())


def test_roles_weigh_as_told():
    weights = {"prompt": 1, "context": 0.5, "answer": 3, "end": 2}
    by_example = SmoothedKL(smoothing=0.0, weights=weights, mean="example").weigh(batch("ppcae"))
    assert_close_to(by_example, [[0, 1 / 6.5, 0.5 / 6.5, 3 / 6.5, 2 / 6.5]])
    by_token = SmoothedKL(smoothing=0.0, weights=weights, mean="token").weigh(batch("ppcae", "pae"))
    assert_close_to(by_token, [[0, 1 / 11.5, 0.5 / 11.5, 3 / 11.5, 2 / 11.5], [0, 3 / 11.5, 2 / 11.5, 0, 0]])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("prompt", [2, 3, 30])
@pytest.mark.parametrize("answer", [1, 9])
def test_balanced_shares_do_not_depend_on_lengths(share, prompt, answer):
    row = "p" * prompt + "a" * answer + "e"
    weights = weigh("balanced", {"answer_share": share}, row)
    assert_close_to(weights[0, prompt:].sum(), share)
    assert_close_to(weights[0, :prompt].sum(), 1 - share)


def test_balanced_side_counts_by_role_within_the_side():
    weights = {"prompt": 1, "context": 3, "answer": 1, "end": 0}
    loss = BalancedKL(smoothing=0.0, weights=weights, answer_share=0.5)
    assert_close_to(loss.weigh(batch("ppcae")), [[0, 0.5 * 1 / 4, 0.5 * 3 / 4, 0.5, 0]])


@every_strategy
def test_first_tokens_and_pads_weigh_nothing(name, changes):
    weights = weigh(name, changes, *ROWS, width=12)
    assert not weights[:, 0].any()
    assert not weights[batch(*ROWS, width=12).roles == Role.PAD].any()


@every_strategy
def test_weights_of_a_step_add_up_to_one(name, changes):
    assert_close_to(weigh(name, changes, *ROWS).sum(), 1.0)


@every_strategy
def test_padding_changes_no_weight(name, changes):
    assert_close_to(weigh(name, changes, *ROWS, width=40)[:, :7], weigh(name, changes, *ROWS))


@every_strategy
def test_order_of_rows_changes_no_weight(name, changes):
    assert_close_to(weigh(name, changes, *reversed(ROWS)).flip(0), weigh(name, changes, *ROWS))


@every_strategy
@pytest.mark.parametrize("parts", [[ROWS[:1], ROWS[1:]], [ROWS[:2], ROWS[2:]], [[row] for row in ROWS]])
def test_micro_batches_weigh_as_in_the_whole_step(name, changes, parts):
    together = [weigh(name, changes, *part, step=list(ROWS), width=7) for part in parts]
    assert_close_to(torch.cat(together), weigh(name, changes, *ROWS))


@every_strategy
def test_loss_is_the_weighted_sum_and_role_losses_split_it(name, changes):
    whole = batch(*ROWS)
    loss = configured("loss", name, **changes)
    logits = torch.randn(3, 6, 110, generator=torch.Generator().manual_seed(0))
    weights = loss.weigh(whole)[:, 1:]
    chosen = weights != 0
    targets, roles = whole.ids[:, 1:][chosen], whole.roles[:, 1:][chosen]
    output = loss(logits[chosen], targets, weights[chosen], roles)
    smoothed = torch.nn.functional.cross_entropy(logits[chosen], targets, label_smoothing=0.1, reduction="none")
    right = 0.9 + 0.1 / 110
    entropy = -right * math.log(right) - 109 * 0.1 / 110 * math.log(0.1 / 110)
    each = (smoothed - entropy) * weights[chosen]
    assert_close_to(output.loss, each.sum())
    assert_close_to(output.role_loss, [float(each[roles == role].sum()) for role in Role])
    assert_close_to(output.target_nll, torch.nn.functional.cross_entropy(logits[chosen], targets, reduction="none"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_scored_in_float32(dtype):
    loss = configured("loss", "answer_end")
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0)).to(dtype)
    arguments = (torch.arange(4), torch.full((4,), 0.25), torch.full((4,), int(Role.ANSWER)))
    assert loss(logits, *arguments).loss.dtype == torch.float32
    assert torch.equal(loss(logits, *arguments).loss, loss(logits.float(), *arguments).loss)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"smoothing": 1.0}, r"loss\.smoothing: .*got 1\.0"),
        ({"smoothing": -0.1}, r"loss\.smoothing: .*got -0\.1"),
        ({"smoothing": math.nan}, r"loss\.smoothing: .*got nan"),
        ({"smoothing": math.inf}, r"loss\.smoothing: .*got inf"),
        ({"weights": {"answer": -1}}, r"loss\.weights\.answer: .*got -1"),
        ({"weights": {"answer": math.nan}}, r"loss\.weights\.answer: .*got nan"),
        ({"weights": {"prompt": 0, "answer": 0}}, r"loss\.weights: every weight is 0"),
        ({"weights": {}}, r"loss\.weights: every weight is 0"),
        ({"weights": {"anser": 1}}, r"loss\.weights: no role named 'anser'; did you mean 'answer'\?"),
        ({"weights": {"pad": 1}}, r"loss\.weights: no role named 'pad'"),
    ],
)
def test_refused(name, changes, message):
    with pytest.raises(InputError, match=message):
        configured("loss", name, **changes)


@pytest.mark.parametrize("share", [0, 1, 0.0, 1.0, -0.5, 1.5, math.nan])
def test_refused_answer_share(share):
    with pytest.raises(InputError, match=r"loss\.answer_share: wanted a share in \(0, 1\)"):
        configured("loss", "balanced", answer_share=share)
