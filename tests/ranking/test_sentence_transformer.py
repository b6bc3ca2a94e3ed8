"""The package is an extra, so a stand-in with the few things of it that are used takes its place here."""

import importlib.util
import sys

import numpy as np
import pytest

from fsqa.errors import InputError
from fsqa.ranking import SentenceTransformer

STAND_IN = """
import numpy as np

class SentenceTransformer:
    def __init__(self, place, revision, device, trust_remote_code):
        assert not trust_remote_code
        if place == "missing":
            raise OSError("missing is not a local folder\\nand more")
        self.max_seq_length = 512

    def encode(self, texts, batch_size, convert_to_numpy, show_progress_bar):
        assert convert_to_numpy and not show_progress_bar
        return np.array([[len(text[:self.max_seq_length]), text.count("a")] for text in texts], np.float64)
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    (tmp_path / "sentence_transformers.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sentence_transformers", raising=False)
    yield
    sys.modules.pop("sentence_transformers", None)


def ranker(**changes) -> SentenceTransformer:
    settings = {"path": "model", "revision": None, "similarity": "cosine", "max_length": None}
    return SentenceTransformer(**{**settings, "batch_size": 8, "device": "cpu", **changes})


@pytest.mark.usefixtures("installed")
def test_cosine_and_dot():
    documents = ["xaxx", "aa"]
    assert ranker().scores("a", documents) == pytest.approx([5 / np.sqrt(2 * 17), 1])
    assert ranker(similarity="dot").scores("a", documents).tolist() == [5, 4]
    assert np.linalg.norm(ranker(similarity="dot").vectors(documents), axis=1) == pytest.approx([1, 1])


@pytest.mark.usefixtures("installed")
def test_a_limit_of_one_s_own():
    assert ranker(max_length=2).embed(["xxxx"]).tolist() == [[2, 0]]
    assert ranker().embed(["xxxx"]).tolist() == [[4, 0]]


@pytest.mark.usefixtures("installed")
def test_what_cannot_be_loaded():
    with pytest.raises(InputError, match=r"cannot load 'missing': missing is not a local folder$"):
        ranker(path="missing").vectors(["a"])


def test_the_package_is_an_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"it is not installed; pip install 'fsqa\[embedding\]', or rank by"):
        ranker()
