import math

import pytest
import torch

from fsqa.errors import InputError
from fsqa.scheduler.inverse_sqrt import InverseSqrt
from fsqa.scheduler.warmup import Constant, Cosine, Linear, warmup_steps
from fsqa.scheduler.warmup_stable_decay import WarmupStableDecay
from tests.builders import configured

KINDS = [
    ("none", Constant),
    ("constant", Constant),
    ("linear", Linear),
    ("cosine", Cosine),
    ("inverse_sqrt", InverseSqrt),
    ("wsd", WarmupStableDecay),
]


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Constant(warmup=0), [1, 1, 1, 1, 1]),
        (Constant(warmup=2), [1 / 2, 1, 1, 1, 1]),
        (Linear(warmup=0), [1, 0.75, 0.5, 0.25, 0]),
        (Linear(warmup=2), [1 / 2, 1, 1, 1 / 2, 0]),
        (Linear(warmup=0.5), [1 / 2, 1, 1, 1 / 2, 0]),
        (Cosine(warmup=0), [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0]),
        (Cosine(warmup=2), [1 / 2, 1, 1, 0.5, 0]),
        (Linear(warmup=4), [1 / 4, 2 / 4, 3 / 4, 1, 1]),
        (Linear(warmup=8), [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8]),
        (InverseSqrt(warmup=1, timescale=None), [1, 1, math.sqrt(1 / 2), math.sqrt(1 / 3), math.sqrt(1 / 4)]),
        (InverseSqrt(warmup=2, timescale=None), [1 / 2, 1, 1, math.sqrt(2 / 3), math.sqrt(2 / 4)]),
        (InverseSqrt(warmup=0, timescale=3), [math.sqrt(3 / (3 + step)) for step in range(5)]),
        (WarmupStableDecay(warmup=0, decay=0.5, shape="linear"), [1, 1, 1, 1 / 2, 0]),
        (WarmupStableDecay(warmup=0, decay=2, shape="linear"), [1, 1, 1, 1 / 2, 0]),
        (WarmupStableDecay(warmup=0, decay=2, shape="sqrt"), [1, 1, 1, 1 - math.sqrt(0.5), 0]),
        (WarmupStableDecay(warmup=1, decay=1, shape="linear"), [1, 1, 1, 1, 0]),
        (WarmupStableDecay(warmup=2, decay=2, shape="linear"), [1 / 2, 1, 1, 1 / 2, 0]),
        (WarmupStableDecay(warmup=2, decay=8, shape="linear"), [1 / 2, 1, 1, 1 / 2, 0]),
    ],
)
def test_factors_of_four_steps(schedule, factors):
    assert [schedule.factor(step, 4) for step in range(5)] == pytest.approx(factors, abs=1e-12)


@pytest.mark.parametrize(
    "schedule", [Linear(warmup=0), Cosine(warmup=0), WarmupStableDecay(warmup=0, decay=0.5, shape="sqrt")]
)
def test_past_the_end_the_factor_stays_at_zero(schedule):
    assert [schedule.factor(step, 4) for step in (4, 5, 100)] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize(
    ("warmup", "steps", "wanted"),
    [(0, 100, 0), (0.0, 100, 0), (0.1, 100, 10), (0.06, 1000, 60), (1, 100, 1), (50, 100, 50)],
)
def test_warmup_in_steps_or_as_a_share(warmup, steps, wanted):
    assert warmup_steps(warmup, steps) == wanted


@pytest.mark.parametrize("kind", [Constant, Linear, Cosine])
@pytest.mark.parametrize("warmup", [-1, -0.1, math.nan, math.inf])
def test_refused(kind, warmup):
    with pytest.raises(InputError, match=r"scheduler\.warmup: wanted steps \(1 or more\) or a share"):
        kind(warmup=warmup)


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_optimizer_gets_these_learning_rates(name, kind):
    schedule = configured("scheduler", name, warmup=3)
    assert isinstance(schedule, kind)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = schedule(optimizer, 10)
    rates = []
    for _ in range(10):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.5 * schedule.factor(step, 10) for step in range(10)], abs=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InverseSqrt(warmup=0, timescale=None), "scheduler.timescale: null means as long as the warm-up"),
        (lambda: InverseSqrt(warmup=5, timescale=0), "scheduler.timescale: wanted 1 step or more, or null, got 0"),
        (lambda: WarmupStableDecay(warmup=0, decay=0, shape="linear"), "scheduler.decay: wanted steps .1 or more. or"),
        (lambda: WarmupStableDecay(warmup=0, decay=-1, shape="linear"), "scheduler.decay: wanted steps .1 or more. or"),
        (lambda: WarmupStableDecay(warmup=0.6, decay=0.6, shape="sqrt"), "warmup=0.6 and decay=0.6 are more than all"),
    ],
)
def test_settings_of_one_schedule_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
