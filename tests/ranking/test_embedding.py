"""The static embedding is real: a quantised Model2Vec model in ../shared/models, with its published figures."""

import gzip
import json
from statistics import fmean

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from fsqa.errors import InputError
from fsqa.ranking import StaticEmbedding
from fsqa.ranking.quality import by_score, ndcg, reciprocal_rank

WORDS = {"[UNK]": 0, "cat": 1, "dog": 2, "fish": 3}
TABLE = np.array([[9, 9], [1, 0], [0, 2], [1, 1]], np.float32)


@pytest.fixture
def folder(tmp_path):
    """A static model of three words."""
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file({"embeddings": TABLE}, tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture(scope="module")
def real(shared):
    return StaticEmbedding(path=str(shared / "models/model2vec-tiny-vocab-quantized"))


def test_vectors_are_means_of_length_one(folder):
    ranker = StaticEmbedding(path=str(folder))
    assert ranker.embed(["cat dog", "cat cat dog"]).tolist() == pytest.approx(np.array([[0.5, 1], [2 / 3, 2 / 3]]))
    found = ranker.vectors(["cat dog", "dog", "", "horse", "dog horse"])
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[5**-0.5, 2 * 5**-0.5], [0, 1], [0, 0], [0, 0], [0, 1]]))
    assert ranker.vectors([]).shape[0] == 0


def test_mapping_and_weights(folder):
    save_file(
        {
            "embeddings": TABLE[1:],
            "mapping": np.array([0, 0, 1, 1], np.int32),
            "weights": np.array([1, 1, 1, 0.5], np.float64),
        },
        folder / "model.safetensors",
    )
    assert StaticEmbedding(path=str(folder)).embed(["cat", "fish"]).tolist() == [[1, 0], [0, 1]]


def test_scores_are_cosines(folder):
    ranker, documents = StaticEmbedding(path=str(folder)), ["cat", "dog", "fish", "", "cat"]
    found = ranker.scores("cat", documents)
    assert found == pytest.approx([1, 0, 2**-0.5, 0, 1])
    assert found[0] == found[4]
    assert documents == ["cat", "dog", "fish", "", "cat"]


def test_a_text_is_embedded_once(folder, monkeypatch):
    ranker, asked = StaticEmbedding(path=str(folder)), []
    embed = StaticEmbedding.embed
    monkeypatch.setattr(StaticEmbedding, "embed", lambda self, texts: asked.extend(texts) or embed(self, texts))
    ranker.scores_of(["cat", "dog"], [["fish", "cat"], ["fish"]])
    ranker.scores("fish", ["dog", "horse"])
    assert asked == ["cat", "dog", "fish", "horse"]


def test_golden_vector(real, shared):
    file = shared / "models/model2vec-tiny-vocab-quantized/embeddings_golden.json"
    (wanted,) = json.loads(file.read_text(encoding="utf-8"))
    assert real.vectors(["hello " * 1000])[0] == pytest.approx(wanted, abs=1e-5)


def rows(shared, name):
    with gzip.open(shared / f"data/ranking/{name}.jsonl.gz", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


@pytest.mark.parametrize(
    ("name", "field", "ndcg_10", "mrr"),
    [
        ("msmarco_dl19_bm25_top100", "relevance", 0.345, 0.640),
        ("noveleval", "relevance", 0.512, 0.601),
        ("wikiqa.test", "is_selected", 0.634, 0.545),
    ],
)
def test_quality_on_real_lists(real, shared, name, field, ndcg_10, mrr):
    lists = rows(shared, name)
    grades = [[grade or 0 for grade in row["passages"][field]] for row in lists]
    found = real.scores_of([row["query"] for row in lists], [row["passages"]["passage_text"] for row in lists])
    ranked = [by_score(own, scores) for own, scores in zip(grades, found, strict=True)]
    judged = [row.get("qrels_grades") for row in lists]
    assert fmean(map(ndcg, ranked, [10] * len(ranked), judged)) == pytest.approx(ndcg_10, abs=5e-4)
    assert fmean(map(reciprocal_rank, ranked)) == pytest.approx(mrr, abs=5e-4)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), r"there is no .*tokenizer\.json; name the folder of a Model2Vec"),
        (lambda f: (f / "tokenizer.json").write_text("{"), r"tokenizer\.json: not a tokenizer \(.*\); fetch the file"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), r"model\.safetensors: not weights in safetensors"),
        (
            lambda f: save_file({"head": TABLE}, f / "model.safetensors"),
            "wanted a tensor 'embeddings', came head; is this Model2Vec?",
        ),
        (
            lambda f: save_file({"embeddings": TABLE[:2]}, f / "model.safetensors"),
            "wanted a vector for each of 4 tokens, came 2",
        ),
    ],
    ids=["no tokenizer", "broken tokenizer", "broken weights", "other weights", "too few"],
)
def test_folders_that_hold_no_model(folder, spoil, message):
    spoil(folder)
    with pytest.raises(InputError, match=message):
        StaticEmbedding(path=str(folder)).vectors(["cat"])
