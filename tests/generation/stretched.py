"""Random decoders that say different things, and questions that are encoded already."""

import torch

from fsqa.encode.sequence import SequenceEncoder
from tests.builders import characters, example, tiny_model

END = 1
ROOM = 8
ARCHITECTURES = ["gpt_neo", "gpt2", "llama", "opt", "gpt_neox", "qwen2"]
QUESTIONS = [example("p" * length, seed=i) for i, length in enumerate([3, 17, 1, 9, 9, 30, 5, 12, 2, 24])]


class Encoded(SequenceEncoder):
    """Takes questions that are encoded already."""

    def questions(self, prompts, room):
        return prompts


ENCODER = Encoded(tokenizer=characters(), max_length=64)


def stretched(architecture: str):
    """A random model whose weights are stretched until it says different words, and now and then the end."""
    model = tiny_model(architecture, scale=8.0)
    with torch.no_grad():
        model.get_output_embeddings().weight[END] *= 3
    return model.eval()


def one_by_one(model, question, **rule):
    """What transformers generates for one question alone."""
    rule = {"max_new_tokens": ROOM, **rule}
    ids = torch.from_numpy(question.ids).long()[None]
    with torch.no_grad():
        said = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **rule)
    return said[0, ids.shape[1] :].tolist()
