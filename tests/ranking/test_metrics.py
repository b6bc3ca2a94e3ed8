import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection
from torchmetrics.functional.retrieval import retrieval_normalized_dcg, retrieval_reciprocal_rank

from fsqa.ranking.metrics import (
    AverageLoc,
    AverageRelLoc,
    FakeDocumentMetric,
    FdaroV1,
    FdaroV2,
    MeanReciprocalRank,
    NormalizedDcg,
    TopK,
    UpQuartile,
)
from tests.ranking.test_fake_document import GOLDEN, NAMES

pytestmark = pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")


def as_the_package(relevant=(1,)) -> dict[str, FakeDocumentMetric]:
    settings = {"relevant": relevant, "unanswerable": "count"}
    return {
        "loc": AverageLoc(**settings),
        "relative_loc": AverageRelLoc(**settings),
        **{f"top_{depth}": TopK(depth=depth, **settings) for depth in (1, 3, 5)},
        "fdaro_v1": FdaroV1(**settings),
        "fdaro_v2": FdaroV2(**settings),
        "up_quartile": UpQuartile(**settings),
    }


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_values_of_one_query(case):
    scores, labels, relevant, wanted, quartile = GOLDEN[case]
    for (name, metric), value in zip(as_the_package(relevant).items(), (*wanted, quartile), strict=True):
        metric.update(scores, labels)
        assert float(metric.compute()) == pytest.approx(value), name


def test_golden_means_over_three_queries():
    wanted = dict(zip(NAMES, (7 / 3, 7 / 12, 1 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 1 / 3), strict=True))
    queries = [GOLDEN[case][:2] for case in ("A", "B", "C no fake")]
    for name, metric in as_the_package().items():
        assert float(metric.compute()) == 0, "before any query all are 0"
        for query in queries:
            metric.update(*query)
        assert float(metric.compute()) == pytest.approx(wanted[name], abs=1e-12), name
        at_once = as_the_package()[name]
        at_once.update(*zip(*queries, strict=True))
        assert at_once.compute() == metric.compute()
        metric.reset()
        assert float(metric.compute()) == 0


def test_tensors_are_taken_too():
    scores, labels = torch.tensor([[0.9, 0.5, 0.1], [0.2, 0.5, 0.1]]), torch.tensor([[1, -1, 0], [-1, 1, 0]])
    metric = AverageLoc(unanswerable="skip")
    metric.update(scores, labels)
    metric.update(scores[0], labels[0])
    assert float(metric.compute()) == 2


def test_queries_without_a_relevant_candidate():
    scores = (0.9, 0.5, 0.1)
    queries = [(1, -1, 0), (1, -1, 0), (-1, 0, 0)]
    found = {}
    for policy in ("count", "skip", "separate"):
        metric = FdaroV1(unanswerable=policy)
        metric.update([scores] * 3, queries)
        found[policy] = metric.compute()
    assert float(found["count"]) == pytest.approx(1 / 3)
    assert float(found["skip"]) == 0
    assert {name: float(value) for name, value in found["separate"].items()} == {"answerable": 0, "unanswerable": 1}
    assert isinstance(FdaroV1().compute(), dict), "separate is the default"


def test_processes_add_up():
    """What one process has seen is summed with what the others have, as torchmetrics does it."""
    parts = [AverageLoc(unanswerable="count") for _ in range(2)]
    whole = AverageLoc(unanswerable="count")
    for part, cases in zip(parts, (("A", "B"), ("D none relevant",)), strict=True):
        for case in cases:
            part.update(*GOLDEN[case][:2])
            whole.update(*GOLDEN[case][:2])
    states = iter(("totals", "queries", "identity"))
    gathered = AverageLoc(
        unanswerable="count",
        distributed_available_fn=lambda: True,
        dist_sync_fn=lambda _, group: [getattr(part, state) for state in [next(states)] for part in parts],
    )
    gathered.update(*zip(*(GOLDEN[case][:2] for case in ("A", "B")), strict=True))
    assert gathered.compute() == whole.compute()
    assert float(whole.compute()) == pytest.approx((1 + 2 + 4) / 3)


def test_a_collection_keeps_its_metrics_apart():
    """A collection takes metrics for one whose states are equal after the first query, as here v1's and v2's are."""
    alone, together = as_the_package(), MetricCollection(as_the_package())
    for case in ("C no fake", "A", "H above one of two", "F tie, fake last", "I two fakes"):
        together.update(*GOLDEN[case][:2])
        for metric in alone.values():
            metric.update(*GOLDEN[case][:2])
    wanted = {name: float(metric.compute()) for name, metric in alone.items()}
    assert wanted["fdaro_v1"] != wanted["fdaro_v2"]
    assert {name: float(value) for name, value in together.compute().items()} == wanted


@pytest.mark.parametrize("seed", range(5))
def test_quality_agrees_with_torchmetrics(seed):
    random = np.random.default_rng(seed)
    scores, grades = random.normal(size=20), random.integers(0, 4, 20)
    dcg, reciprocal = NormalizedDcg(depth=10, unanswerable="skip"), MeanReciprocalRank(depth=10, unanswerable="skip")
    dcg.update(scores, grades)
    reciprocal.update(scores, (grades >= 2).astype(int))
    tensors = torch.tensor(scores), torch.tensor(grades)
    assert float(dcg.compute()) == pytest.approx(float(retrieval_normalized_dcg(*tensors, top_k=10)))
    wanted = retrieval_reciprocal_rank(tensors[0], tensors[1] >= 2, top_k=10)
    assert float(reciprocal.compute()) == pytest.approx(float(wanted))


def test_quality_knows_no_generated_text():
    dcg = NormalizedDcg(unanswerable="skip")
    dcg.update((0.1, 0.9, 0.5), (1, -1, 0))
    assert float(dcg.compute()) == pytest.approx(1 / np.log2(3))


def test_bad_queries_add_nothing():
    metric = AverageLoc(unanswerable="count")
    with pytest.raises(ValueError, match="a score and a label for each candidate"):
        metric.update([(0.1, 0.2), (0.1, 0.2)], [(1, -1), (1,)])
    with pytest.raises(ValueError, match="of as many queries, came 2 and 1"):
        metric.update([(0.1, 0.2), (0.1, 0.2)], [(1, -1)])
    assert float(metric.queries.sum()) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unanswerable": "drop"}, "unanswerable: wanted separate, skip, count, came 'drop'"),
        ({"ties": "random"}, "ties: wanted input, best, worst, expected, came 'random'"),
        ({"several": "max"}, "several: wanted sum, mean, best, came 'max'"),
        ({"depth": 0}, "depth: wanted 1 or more, came 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        TopK(**{"depth": 1, **settings})
