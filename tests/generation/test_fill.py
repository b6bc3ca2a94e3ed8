import pytest
import torch

from fsqa.errors import InputError
from fsqa.generation import Fill
from fsqa.metrics.scoring import score_answer
from fsqa.model.tokenizer import read_tokenizer
from fsqa.objective.masked import Masked
from fsqa.prompt import Template
from fsqa.types import Record
from tests.builders import batch, configured
from tests.masking import ENCODERS, filler, masking_encoder
from tests.objective.test_masked import by_hand, objective, rows

LAYOUT = Template(start=True, segments=[{"prompt": "{question}?"}, {"answer": "{answer}"}])
QUESTIONS = ["who is it", "a", "what has far too many letters", "why"]
CAPITAL = "what is the capital of new france"


def prompts(questions=QUESTIONS, layout=LAYOUT, **more):
    return [layout(Record(id=q, question=q, answers=("",), **more)) for q in questions]


def fill(batch_size=64, repeated=False, question=False):
    return Fill(drop_repeated=repeated, drop_question=question, batch_size=batch_size)


class Scripted(torch.nn.Module):
    """A model that fills its masks with given tokens, whatever it is asked."""

    device = torch.device("cpu")

    def __init__(self, tokenizer, tokens):
        super().__init__()
        self.head = torch.nn.Identity()
        self._mask_id, self._rows = tokenizer.mask_token_id, len(tokenizer)
        self._ids = tokenizer.convert_tokens_to_ids(tokens)

    def get_output_embeddings(self):
        return self.head

    def forward(self, input_ids, attention_mask):
        hidden = torch.zeros(*input_ids.shape, self._rows)
        for row in range(len(hidden)):
            hidden[row, (input_ids[row] == self._mask_id).nonzero()[:, 0], self._ids] = 1.0
        return type("Output", (), {"logits": self.head(hidden)})


@pytest.fixture(scope="module")
def bert_tokenizer(shared):
    return read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)


@pytest.fixture
def filled(bert_tokenizer):
    """Answer one question with a model that fills its masks with the tokens given, under BERT's vocabulary."""
    tokenizer = bert_tokenizer

    def filled(tokens, by, question=CAPITAL, layout=LAYOUT, **more):
        encoder = Masked(masks=len(tokens), coverage=1.0).encoder(tokenizer, 64)
        (answer,) = by(Scripted(tokenizer, tokens), encoder, prompts([question], layout, **more))
        return answer

    return filled


@pytest.mark.parametrize("architecture", ENCODERS)
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_every_mask_gets_its_likeliest_token(architecture, batch_size):
    model = filler(architecture)
    told = []
    answers = fill(batch_size)(model, masking_encoder(4, 48), prompts(), told.append)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        seen, _, _ = by_hand(question, "xxxx")
        likeliest = model.eval()(input_ids=seen).logits[0].argmax(dim=-1)[-5:-1].tolist()
        assert masking_encoder(4).tokenizer.convert_ids_to_tokens(likeliest) == answer.extra["filled"]
        assert list(answer.ids) == likeliest[: len(answer.ids)]
    assert sum(told) == len(QUESTIONS)
    assert max(told) <= batch_size
    assert len({tuple(answer.extra["filled"]) for answer in answers}) > 1, "questions matter"


def test_the_mode_of_the_model_is_left_as_it_was():
    model = filler().train()
    fill()(model, masking_encoder(4, 48), prompts())
    assert model.training


@pytest.mark.parametrize(
    ("tokens", "text", "length", "stopped"),
    [
        (["paris", "[SEP]", "paris"], "paris", 1, True),
        (["new", "york", "city"], "new york city", 3, False),
        (["[SEP]", "paris", "[SEP]"], "", 0, True),
        (["z", "##ola", "[SEP]"], "zola", 2, True),
        (["##ola", "[SEP]", "[SEP]"], "ola", 1, True),
    ],
)
def test_an_answer_ends_at_the_first_end_token(filled, tokens, text, length, stopped):
    answer = filled(tokens, fill())
    assert (answer.text, len(answer.ids), answer.stopped) == (text, length, stopped)
    assert answer.extra["filled"] == tokens


SAID = ["new", "paris", "paris", "the", "z", "##ola", "##ola", "[SEP]"]


@pytest.mark.parametrize(
    ("repeated", "question", "name", "text"),
    [
        (False, False, "as filled", "new paris paris the zolaola"),
        (True, False, "repeated tokens dropped", "new paris the zola"),
        (False, True, "question tokens dropped", "paris paris zolaola"),
        (True, True, "repeated and question tokens dropped", "paris zola"),
    ],
)
def test_switches(filled, repeated, question, name, text):
    by = fill(repeated=repeated, question=question)
    answer = filled(SAID, by)
    assert answer.text == text
    assert len(answer.ids) == 7, "what was generated, whatever is dropped of it"
    assert by.variants()[name] == by


def test_every_setting_is_told_from_a_row_alone(filled):
    own = fill()
    answer = filled(SAID, own)
    record = Record(id="7", question=CAPITAL, answers=("paris zola",))
    row = score_answer(record, answer.text) | answer.extra
    variants = own.variants()
    assert len(variants) == 4
    assert own in variants.values()
    for variant in variants.values():
        assert variant.revised(row) == filled(SAID, variant).text
        assert variant.variants() == variants
        assert variant.batch_size == own.batch_size
    assert own.revised(row) == row["prediction"]


def test_tokens_of_a_context_stay(filled):
    layout = Template(
        start=True, segments=[{"prompt": "{question}?"}, {"context": " {context}"}, {"answer": "{answer}"}]
    )
    answer = filled(["paris", "capital", "[SEP]"], fill(question=True), layout=layout, context="it is paris")
    assert answer.text == "paris"


def test_a_cut_question_is_told():
    answers = fill()(filler(), masking_encoder(4, 16), prompts())
    assert [answer.truncated for answer in answers] == [1, 0, len(QUESTIONS[2]) + 1 - 9, 0]


@pytest.mark.parametrize("size", [0, -1])
def test_batch_size_must_be_positive(size):
    with pytest.raises(InputError, match=rf"generation\.batch_size: wanted 1 or more, got {size}"):
        configured("generation", "fill", batch_size=size)


def test_what_was_learned_is_answered_with_its_end():
    pairs = [("one", "a"), ("two", "bc"), ("three", "dde"), ("four", "f")]
    of = objective(filler(scale=1.0), "answer_end")
    whole = batch(*rows(pairs))
    optimizer = torch.optim.AdamW(of.parameters(), lr=5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        of.weighted_loss(whole).loss.backward()
        optimizer.step()
    answers = fill()(of.model, masking_encoder(4, 48), prompts([question for question, _ in pairs]))
    assert [answer.text for answer in answers] == [answer for _, answer in pairs]
    assert all(answer.stopped for answer in answers)
