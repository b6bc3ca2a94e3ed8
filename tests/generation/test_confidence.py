import pytest
import torch

from fsqa.generation import Greedy
from fsqa.generation.confidence import confidences
from tests.builders import configured
from tests.generation.stretched import ARCHITECTURES, ENCODER, END, QUESTIONS, ROOM, stretched

WAYS = {
    "greedy": Greedy(max_new_tokens=ROOM, batch_size=4),
    "sampling": configured("generation", "sampling", max_new_tokens=ROOM, batch_size=4, temperature=2.0),
}


def one_by_one(model, question, answer):
    """The mean probability of the answer's tokens by one plain forward pass in float64 arithmetic."""
    said = [*answer.ids, *([END] if answer.stopped else [])]
    ids = torch.tensor([[*question.ids.tolist(), *said]])
    with torch.no_grad():
        probabilities = model(input_ids=ids).logits[0].double().softmax(-1)
    first = len(question.ids)
    each = [float(probabilities[first + i - 1, token]) for i, token in enumerate(said)]
    return sum(each) / len(each)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_batched_confidence_is_that_of_one_plain_pass(architecture, way):
    model, generation = stretched(architecture), WAYS[way]
    answers = generation(model, ENCODER, QUESTIONS)
    found = confidences(model, ENCODER, generation, QUESTIONS, answers)
    wanted = [one_by_one(model, *pair) for pair in zip(QUESTIONS, answers, strict=True)]
    assert found == pytest.approx(wanted, abs=1e-6)
    assert len({round(value, 3) for value in found}) > 1


def test_an_unsure_model_is_unsure():
    model = stretched("gpt_neo")
    generation = Greedy(max_new_tokens=ROOM, batch_size=4)
    answers = generation(model, ENCODER, QUESTIONS)
    head = model.get_output_embeddings()
    with torch.no_grad():
        head.weight.zero_()  # every token is as likely as any other
    found = confidences(model, ENCODER, generation, QUESTIONS, answers)
    assert found == pytest.approx([1 / head.weight.shape[0]] * len(QUESTIONS))
