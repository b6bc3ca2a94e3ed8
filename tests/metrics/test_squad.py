import gzip
import json
from collections import Counter

import pytest

from fsqa.metrics.squad import score
from fsqa.types import Record
from tests.dataset.test_squad import squad

RECORDS = [
    Record(id="1", question="who", answers=("Jane Austen", "Austen"), kind="answerable"),
    Record(id="2", question="when", answers=("1817",), kind="answerable"),
    Record(id="3", question="why", answers=("",), kind="unanswerable"),
    Record(id="4", question="how", answers=("",), kind="unanswerable"),
]


def test_kinds_missing_and_foreign():
    figures = score({"1": "the Jane", "3": "", "4": "so", "9": "x"}, RECORDS)
    assert figures == {
        "missing": 1,
        "foreign": 1,
        "examples": 4,
        "exact_match": 1 / 4,
        "f1": (2 / 3 + 1) / 4,
        "answerable_examples": 2,
        "answerable_exact_match": 0.0,
        "answerable_f1": 1 / 3,
        "unanswerable_examples": 2,
        "unanswerable_exact_match": 0.5,
        "unanswerable_f1": 0.5,
    }


def test_reference_of_which_nothing_is_left():
    """It would call the empty prediction right."""
    record = Record(id="1", question="which", answers=("The The", "the band The The, of London"))
    assert score({"1": ""}, [record])["exact_match"] == 0
    assert score({"1": "a"}, [record])["f1"] == 0
    alone = Record(id="1", question="which", answers=("The The",))
    assert score({"1": "the"}, [alone])["exact_match"] == score({"1": ""}, [alone])["f1"] == 1


@pytest.fixture(scope="module")
def golden(shared):
    path = shared / "data/squad/predictions/golden_scores.json"
    return json.loads(path.read_text(encoding="utf-8"))["results"]


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_published_predictions_score_what_the_official_script_says(shared, golden, version):
    folder = shared / "data/squad"
    records = list(squad(folder / f"dev-v{version}.json.gz").records("train", Counter()))
    names = [name for name in golden if name.startswith(f"v{version}")]
    assert len(names) == 2
    for name in names:
        with gzip.open(folder / f"predictions/{name}.json.gz", "rt", encoding="utf-8") as stream:
            figures = score(json.load(stream), records)
        told = golden[name]
        assert figures["examples"] == told["total"]
        assert figures["missing"] == told.get("missing_predictions", 0)
        assert figures["foreign"] == told.get("extra_predictions", 0)
        assert 100 * figures["exact_match"] == pytest.approx(told["exact"], abs=1e-9)
        assert 100 * figures["f1"] == pytest.approx(told["f1"], abs=1e-9)
        for kind, theirs in (("answerable", "HasAns"), ("unanswerable", "NoAns")):
            if f"{theirs}_total" in told:
                assert figures[f"{kind}_examples"] == told[f"{theirs}_total"]
                assert 100 * figures[f"{kind}_exact_match"] == pytest.approx(told[f"{theirs}_exact"], abs=1e-9)
                assert 100 * figures[f"{kind}_f1"] == pytest.approx(told[f"{theirs}_f1"], abs=1e-9)
