"""Golden values are those of docs-ranking-metrics 0.0.4; UpQuartile, which is wrong there, is worked out by hand."""

from itertools import permutations

import numpy as np
import pytest

from fsqa.ranking import fake_document
from fsqa.ranking.order import FAKE, TIES, candidates, tiers

GOLDEN = {
    # name: (scores, labels, relevant, (loc, relative, top 1, 3, 5, v1, v2), upper quartile)
    "A": ((0.9, 0.5, 0.3, 0.1), (-1, 1, 0, 0), (1,), (1, 0.25, 1, 1, 1, 1, 1), 1),
    "B": ((0.9, 0.5, 0.3, 0.1), (1, -1, 0, 0), (1,), (2, 0.5, 0, 1, 1, 0, 0), 0),
    "C no fake": ((0.9, 0.5, 0.3), (1, 0, 0), (1,), (4, 1, 0, 0, 0, 0, 0), 0),
    "D none relevant": ((0.9, 0.5, 0.3, 0.1), (0, 0, 0, -1), (1,), (4, 1, 0, 0, 1, 1, 1), 0),
    "E neither": ((0.9, 0.5, 0.3), (0, 0, 0), (1,), (4, 1, 0, 0, 0, 0, 0), 0),
    "F tie, fake last": ((0.5, 0.5, 0.1), (1, -1, 0), (1,), (2, 2 / 3, 0, 1, 1, 0, 0), 1),
    "G tie, fake first": ((0.5, 0.5, 0.1), (-1, 1, 0), (1,), (1, 1 / 3, 1, 1, 1, 1, 0), 1),
    "H above one of two": ((0.9, 0.5, 0.3, 0.1), (1, -1, 1, 0), (1,), (2, 0.5, 0, 1, 1, 0, 1), 0),
    "I two fakes": ((0.9, 0.5, 0.3, 0.1), (-1, 1, -1, 0), (1,), (4, 1.0, 1, 2, 2, 1, 1), 1),
    "J grades": ((0.9, 0.5, 0.3, 0.1), (2, -1, 3, 1), (2, 3), (2, 0.5, 0, 1, 1, 0, 1), 0),
    "K grades, only 1 counts": ((0.9, 0.5, 0.3, 0.1), (2, -1, 3, 1), (1,), (2, 0.5, 0, 1, 1, 1, 1), 0),
    "L below 0": ((-4.0, -5.0, -6.0, -7.0), (1, 0, 0, -1), (1,), (4, 1, 0, 0, 1, 0, 0), 0),
    "M two fakes first": ((0.9, 0.5, 0.3, 0.1), (-1, -1, 1, 0), (1,), (3, 0.75, 1, 2, 2, 1, 1), 1),
}
NAMES = ("loc", "relative_loc", "top_1", "top_3", "top_5", "fdaro_v1", "fdaro_v2", "up_quartile")


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_values(case):
    scores, labels, relevant, wanted, quartile = GOLDEN[case]
    found = fake_document.figures(candidates(scores, labels, relevant))
    assert found == pytest.approx(dict(zip(NAMES, (*wanted, quartile), strict=True)))


def shuffled(seed: int, fakes: int):
    """Scores with many ties, and labels with some of each kind."""
    random = np.random.default_rng(seed)
    labels = random.permutation([*[FAKE] * fakes, *random.integers(0, 2, 6 - fakes)])
    return random.integers(0, 3, 6) / 2, labels


@pytest.mark.parametrize("fakes", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_expected_is_the_mean_over_all_orders_of_the_input(seed, fakes):
    scores, labels = shuffled(seed, fakes)
    judged = candidates(scores, labels)
    figures = {
        **{f"loc {several}": lambda t, s=several: fake_document.loc(t, s) for several in fake_document.SEVERAL},
        **{
            f"top {depth} {several}": lambda t, d=depth, s=several: fake_document.top(t, d, s)
            for depth in (1, 2, 3, 5, 9)
            for several in fake_document.SEVERAL
        },
        "relative": fake_document.relative_loc,
        "v1": fake_document.fdaro_v1,
    }
    orders = [tiers(candidates(scores[list(o)], labels[list(o)])) for o in permutations(range(6))]
    for name, figure in figures.items():
        mean = np.mean([figure(order) for order in orders])
        assert figure(tiers(judged, "expected")) == pytest.approx(mean), name


@pytest.mark.parametrize("seed", range(8))
def test_best_and_worst_bound_the_others(seed):
    scores, labels = shuffled(seed, 1)
    judged = candidates(scores, labels)
    found = {ties: fake_document.figures(judged, ties) for ties in TIES}
    for ties in ("input", "expected"):
        assert found["best"]["loc"] <= found[ties]["loc"] <= found["worst"]["loc"]
        for name in ("top_1", "top_3", "top_5", "fdaro_v1"):
            assert found["worst"][name] <= found[ties][name] <= found["best"][name]


def test_ties_settle_nothing_where_there_are_none():
    judged = candidates((0.3, 0.9, 0.5), (1, 0, FAKE))
    assert len({tuple(fake_document.figures(judged, ties).items()) for ties in TIES}) == 1


def test_the_last_of_the_input_loses_ties():
    """Where the generated text stands last, as the scorer puts it, the package's rule is the worst case."""
    scores, labels = (0.5, 0.5, 0.1, 0.5), (0, 1, 0, FAKE)
    judged = candidates(scores, labels)
    assert fake_document.figures(judged, "input") == fake_document.figures(judged, "worst")
    assert fake_document.figures(judged, "best")["loc"] == 1
    assert fake_document.figures(judged, "expected")["loc"] == 2


@pytest.mark.parametrize(
    ("several", "loc", "top_3"), [("sum", 4, 2), ("mean", 2, 1), ("best", 1, 1)], ids=["sum", "mean", "best"]
)
def test_several_generated_texts(several, loc, top_3):
    ordered = tiers(candidates((0.9, 0.5, 0.3, 0.1), (-1, 1, -1, 0)))
    assert fake_document.loc(ordered, several) == loc
    assert fake_document.relative_loc(ordered, several) == loc / 4
    assert fake_document.top(ordered, 3, several) == top_3


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_only_the_order_and_the_differences_count(scale):
    scores, labels = np.array([0.9, 0.5, 0.3, 0.1]), (1, FAKE, 1, 0)
    assert fake_document.figures(candidates(scores * scale - 7, labels)) == fake_document.figures(
        candidates(scores, labels)
    )


def test_v2_wants_more_than_a_rounding_error():
    assert fake_document.fdaro_v2(candidates((0.5 + 1e-13, 0.5), (FAKE, 1))) == 0
    assert fake_document.fdaro_v2(candidates((0.5 + 1e-11, 0.5), (FAKE, 1))) == 1


@pytest.mark.parametrize(
    ("scores", "labels", "relevant", "message"),
    [
        ((0.1, 0.2), (1,), (1,), r"a score and a label for each candidate, came shapes \(2,\) and \(1,\)"),
        ((), (), (1,), r"came shapes \(0,\) and \(0,\)"),
        ((0.1, 0.2), (1.0, 0.0), (1,), "labels: wanted whole numbers, came float64"),
        ((0.1, 0.2), (True, False), (1,), "labels: wanted whole numbers, came bool"),
        ((0.1, float("nan")), (1, 0), (1,), r"scores: candidate 1 has none \(NaN\)"),
        ((0.1, 0.2), (1, 0), (-1, 1), "relevant: -1 is the label of a generated text"),
    ],
    ids=["lengths", "none", "fractions", "truths", "nan", "relevant"],
)
def test_what_cannot_be_judged(scores, labels, relevant, message):
    with pytest.raises(ValueError, match=message):
        candidates(scores, labels, relevant)


def test_unknown_policies():
    judged = candidates((0.1, 0.2), (1, FAKE))
    with pytest.raises(ValueError, match="ties: wanted input, best, worst, expected, came 'random'"):
        tiers(judged, "random")
    with pytest.raises(ValueError, match="several: wanted sum, mean, best, came 'median'"):
        fake_document.loc(tiers(judged), "median")
