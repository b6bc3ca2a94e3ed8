from dataclasses import dataclass, field

import numpy as np
import pytest

from fsqa.errors import InputError
from fsqa.metrics.scoring import score_answer
from fsqa.metrics.similarity import Similarity
from fsqa.ranking import StaticEmbedding
from fsqa.types import Record


@dataclass
class Compass:
    """Directions in the plane; what it does not know is nowhere."""

    asked: list = field(default_factory=list)

    def vectors(self, texts):
        self.asked += texts
        known = {"east": (1, 0), "north": (0, 1), "west": (-1, 0), "north-east": (0.6, 0.8)}
        return np.array([known.get(text, (0, 0)) for text in texts], np.float32)


def similarities(predictions, references, model):
    records = [Record(id="1", question="where", answers=each) for each in references]
    rows = [score_answer(record, said) for record, said in zip(records, predictions, strict=True)]
    scorer = Similarity(model=model)
    return [row["similarity"] for row in scorer.columns(records, rows)]


def test_best_of_the_references():
    said = ["east", "east", "east", "east", "east", "", "lost"]
    wanted = [("east",), ("north",), ("west",), ("west", "north-east"), (), ("",), ("lost",)]
    assert similarities(said, wanted, Compass()) == pytest.approx([1, 0, -1, 0.6, 0, 0, 0])


def test_a_text_is_embedded_once():
    model = Compass()
    similarities(["east", "east", "north"], [("north",), ("east", "west"), ("north",)], model)
    assert sorted(model.asked) == ["east", "north", "west"]


def test_figure():
    assert Similarity(model=Compass()).figures([{"similarity": 0.5}, {"similarity": -0.25}]) == {"similarity": 0.125}
    assert Similarity(model=Compass()).figures([]) == {}
    assert Similarity(model=Compass()).columns([], []) == []


def test_the_signature_names_the_embedding():
    model = StaticEmbedding(path="models/small")
    told = Similarity(model=model).signatures([])
    assert told == {"similarity": "cosine|mean:example|multi:max|StaticEmbedding(path='models/small')"}


def test_no_embedding():
    wanted = r"^metrics\.similarity\.model: wanted an embedding, such as fsqa\.ranking\.MeanPooling, came 'minilm'$"
    with pytest.raises(InputError, match=wanted):
        Similarity(model="minilm")


def test_real_embedding(shared):
    model = StaticEmbedding(path=str(shared / "models/model2vec-tiny-vocab-quantized"))
    same, near, far, nothing = similarities(
        ["the capital of France", "the cat sat on the mat", "the cat sat on the mat", ""],
        [("the capital of France",), ("a cat is sitting on a rug",), ("interest rates rose again",), ("words",)],
        model,
    )
    assert same == pytest.approx(1, abs=1e-6)
    assert 0.9 > near > far + 0.2
    assert nothing == 0
