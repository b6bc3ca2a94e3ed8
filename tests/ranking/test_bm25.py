import math

import bm25s
import numpy as np
import pytest
import yaml

from fsqa.errors import InputError
from fsqa.ranking import Bm25
from tests.builders import CONF

DOCUMENTS = ["Hello there good man!", "It is quite windy in London", "How is the weather today?"]


def bm25(**changes) -> Bm25:
    return Bm25(**{"method": "lucene", "k1": 1.5, "b": 0.75, "words": "lower", **changes})


def test_golden_values_of_rank_bm25():
    found = bm25(method="okapi", words="blanks").scores("windy London", DOCUMENTS)
    assert found == pytest.approx([0, 0.93729472, 0], abs=5e-9)


def test_okapi_lifts_words_of_most_documents_to_a_quarter_of_the_mean():
    """By hand: a is in two of three documents, b and c in one."""
    documents = ["a b", "a c", "d"]
    idf = {word: math.log((3 - n + 0.5) / (n + 0.5)) for word, n in {"a": 2, "b": 1, "c": 1, "d": 1}.items()}
    assert idf["a"] < 0
    least = 0.25 * sum(idf.values()) / 4
    norm = 1.5 * (0.25 + 0.75 * 2 / (5 / 3))
    wanted = [least * 2.5 / (1 + norm)] * 2 + [0]
    assert bm25(method="okapi", words="blanks").scores("a", documents) == pytest.approx(wanted)


def test_lucene_by_hand():
    """Lucene leaves out the factor k1 + 1, which changes no order."""
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    wanted = idf / (1 + 1.5 * (0.25 + 0.75 * 6 / 5))
    assert bm25().scores("WINDY", DOCUMENTS) == pytest.approx([0, wanted, 0], abs=1e-6)


@pytest.mark.parametrize("method", ["lucene", "robertson", "atire"])
@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4), (1.2, 0.0), (0.0, 1.0)])
def test_agrees_with_bm25s(method, k1, b):
    random = np.random.default_rng(0)
    for size in (1, 2, 11, 40):
        documents = [" ".join(random.choice(list("abcdefgh"), random.integers(1, 12))) for _ in range(size)]
        query = random.choice(list("abcdefghxyz"), 5).tolist()
        index = bm25s.BM25(method=method, k1=k1, b=b)
        index.index([document.split() for document in documents], show_progress=False)
        found = bm25(method=method, k1=k1, b=b).scores(" ".join(query), documents)
        assert found == pytest.approx(index.get_scores(query), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("method", ["lucene", "robertson", "atire", "okapi"])
def test_every_form_puts_the_documents_in_sensible_order(method):
    ranker = bm25(method=method)
    documents = ["cats and dogs and birds and fish", "cats", "cats cats", "nothing of it", "more of nothing"]
    rare, twice, other = (ranker.scores(query, documents) for query in ("cats birds", "birds birds", "horse"))
    assert rare.argmax() == 0
    assert twice == pytest.approx(2 * ranker.scores("birds", documents), rel=1e-6)
    assert other.tolist() == [0] * 5
    assert ranker.scores("cats", documents)[3] == 0


@pytest.mark.parametrize("method", ["lucene", "okapi"])
@pytest.mark.parametrize(
    ("query", "documents"),
    [("", ["a", "b"]), ("a", ["", ""]), ("a", ["", "a", "?"]), ("a", []), ("?!", ["a"])],
    ids=["no query", "empty documents", "some empty", "no documents", "no words"],
)
def test_empty_texts(method, query, documents):
    for words in ("lower", "blanks"):
        found = bm25(method=method, words=words).scores(query, documents)
        assert found.shape == (len(documents),)
        assert np.isfinite(found).all()


def test_how_texts_are_split():
    assert bm25(words="blanks").scores("windy london", DOCUMENTS)[1] > 0, "windy"
    assert bm25(words="blanks").scores("london", DOCUMENTS)[1] == 0, "case counts"
    assert bm25().scores("london weather", DOCUMENTS).nonzero()[0].tolist() == [1, 2]


def test_nothing_given_is_changed_and_equal_documents_are_equal():
    documents = [*DOCUMENTS, DOCUMENTS[1]]
    before = list(documents)
    found = bm25().scores("windy London", documents)
    assert documents == before
    assert found[1] == found[3]


def test_each_query_has_its_own_collection():
    ranker, lists = bm25(), [DOCUMENTS, ["windy", "windy London", "London"]]
    together = ranker.scores_of(["windy London"] * 2, lists)
    for found, documents in zip(together, lists, strict=True):
        assert found.tolist() == ranker.scores("windy London", documents).tolist()


def test_a_generated_text_changes_the_collection():
    assert bm25().scores("windy", [*DOCUMENTS, "windy windy"])[1] != bm25().scores("windy", DOCUMENTS)[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k1": -1}, "Bm25.k1: wanted 0 or more, came -1"),
        ({"b": -0.5}, "Bm25.b: wanted 0 or more, came -0.5"),
        ({"b": 1.5}, "Bm25.b: wanted a number from 0 to 1, came 1.5"),
        ({"k1": float("nan")}, "Bm25.k1: wanted 0 or more, came nan"),
    ],
    ids=["k1", "b", "b over 1", "nan"],
)
def test_bad_settings(changes, message):
    with pytest.raises(InputError, match=message):
        bm25(**changes)


def test_the_config_is_the_one_tested_here():
    node = yaml.safe_load((CONF / "metrics/ranking.yaml").read_text(encoding="utf-8"))["ranking"]["rankers"]["bm25"]
    assert node == {"_target_": "fsqa.ranking.Bm25", **vars(bm25())}
