import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from fsqa.errors import InputError
from fsqa.ranking import CrossEncoder
from tests.builders import characters
from tests.ranking.test_mean_pooling import SIZES

DOCUMENTS = ["jane austen wrote it", "nobody", "", "nobody"]


def save(folder, labels: int):
    tokenizer = characters()
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), num_labels=labels, initializer_range=0.5, **SIZES)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("cross_encoder"), labels=1)


def ranker(folder, **changes) -> CrossEncoder:
    return CrossEncoder(
        **{"path": str(folder), "revision": None, "max_length": 64, "batch_size": 2, "device": "cpu", **changes}
    )


def test_scores_are_the_classifier_s_own(folder):
    tokenizer, model = (kind.from_pretrained(folder) for kind in (AutoTokenizer, AutoModelForSequenceClassification))
    found = ranker(folder).scores("who wrote it", DOCUMENTS)
    for document, score in zip(DOCUMENTS, found, strict=True):
        with torch.inference_mode():
            wanted = model(**tokenizer("who wrote it", document, return_tensors="pt")).logits.item()
        assert score == pytest.approx(wanted, abs=1e-5)
    assert found[1] == found[3]
    assert len(set(found)) == 3


def test_queries_together_score_as_apart(folder):
    queries, lists = ["who", "who wrote it"], [DOCUMENTS, DOCUMENTS[:2]]
    together = ranker(folder, batch_size=16).scores_of(queries, lists)
    for query, documents, found in zip(queries, lists, together, strict=True):
        assert found == pytest.approx(ranker(folder, batch_size=1).scores(query, documents), abs=1e-5)
    assert lists == [DOCUMENTS, DOCUMENTS[:2]]
    assert ranker(folder).scores_of([], []) == []


def test_a_pair_is_scored_once(folder):
    own = ranker(folder)
    first = own.scores("who", DOCUMENTS)
    own._loaded[1].forward = None  # would fail
    assert np.array_equal(own.scores("who", DOCUMENTS[::-1]), first[::-1])


def test_pairs_are_cut(folder):
    own = ranker(folder, max_length=20)
    assert own.scores("who", ["x" * 40]) == own.scores("who", ["x" * 50])


def test_what_is_no_ranker(tmp_path):
    with pytest.raises(InputError, match="wanted a classifier with one output, came 3 in"):
        ranker(save(tmp_path, labels=3)).scores("who", ["it"])


def test_a_body_without_a_head_is_not_taken(folder, tmp_path):
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    AutoModelForSequenceClassification.from_pretrained(folder).bert.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"lack \d tensors of BertForSequenceClassification, the first '[bc]"):
        ranker(tmp_path).scores("who", ["it"])


@pytest.mark.parametrize(("name", "least"), [("max_length", 4), ("batch_size", 1)])
def test_bad_settings(folder, name, least):
    with pytest.raises(InputError, match=f"CrossEncoder.{name}: wanted {least} or more, came 0"):
        ranker(folder, **{name: 0})
