import json
import math

import pytest
import torch

from fsqa.errors import InputError
from fsqa.generation import Span, SpanOrNone
from fsqa.generation.span import best_spans, best_threshold
from fsqa.types import Record
from tests.builders import configured
from tests.reading import pointer, prompt, reader, record, words

TOKENIZER = words("who wrote it when did she die ? ?")
RECORDS = [
    record(),
    record("2", "when did she die ?", "1817"),
    record("3", answer="", context="emma ."),
    record("4", "who ?", "austen"),
]
PROMPTS = [prompt(each) for each in RECORDS]
SPAN = Span(max_answer_tokens=4, batch_size=3)
SPAN_OR_NONE = SpanOrNone(max_answer_tokens=4, batch_size=3, no_answer_threshold=None)


@pytest.mark.parametrize("longest", [1, 2, 5, 40])
def test_best_spans_are_those_of_two_loops(longest):
    random = torch.Generator().manual_seed(longest)
    start, end = torch.randn(2, 8, 12, generator=random, dtype=torch.float64)
    start[:, [0, 5]], end[:, [0, 5]] = -math.inf, -math.inf
    score, first, last = best_spans(start, end, longest)
    for row in range(8):
        sums = {(i, j): float(start[row, i] + end[row, j]) for i in range(12) for j in range(i, min(12, i + longest))}
        assert (int(first[row]), int(last[row])) == max(sums, key=sums.__getitem__)
        assert float(score[row]) == max(sums.values())


def plain(model, encoder, of):
    """The best span over all windows, and the score of no answer, one window and one span after the other."""
    best, none = (-math.inf, ""), math.inf
    for window in encoder.windows([prompt(of)]):
        output = model(input_ids=torch.tensor([window.ids]))
        start, end = output.start_logits[0].tolist(), output.end_logits[0].tolist()
        none = min(none, start[0] + end[0])
        for i in window.inside:
            for j in range(i, min(i + 4, window.inside.stop)):
                best = max(best, (start[i] + end[j], of.context[window.place(i, j)]))
    return best, none


@pytest.mark.parametrize("max_length", [16, 40])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_equals_a_plain_search(max_length, batch_size):
    model, encoder = pointer(len(TOKENIZER)).eval(), reader(TOKENIZER, max_length)
    told = []
    answers = Span(max_answer_tokens=4, batch_size=batch_size)(model, encoder, PROMPTS, told.append)
    assert sum(told) == len(PROMPTS)
    assert len({answer.text for answer in answers}) > 1
    for of, answer in zip(RECORDS, answers, strict=True):
        (score, text), none = plain(model, encoder, of)
        assert answer.text == answer.extra["best_span"] == text
        assert text in of.context
        assert answer.extra["score"] == pytest.approx(score, abs=1e-4)
        assert answer.extra["no_answer_score"] == pytest.approx(none, abs=1e-4)
        assert TOKENIZER.decode(answer.ids).replace(" ", "") == text.replace(" ", "")
        assert answer.stopped
    json.dumps([answer.extra for answer in answers], allow_nan=False)


def test_the_mode_of_the_model_stays():
    model = pointer(len(TOKENIZER)).train()
    SPAN(model, reader(TOKENIZER), PROMPTS)
    assert model.training


def test_threshold():
    model, encoder = pointer(len(TOKENIZER)), reader(TOKENIZER, 16)
    found = SPAN(model, encoder, PROMPTS)
    better_by = sorted(answer.extra["no_answer_score"] - answer.extra["score"] for answer in found)
    between = SpanOrNone(max_answer_tokens=4, batch_size=3, no_answer_threshold=better_by[1])
    answers = between(model, encoder, PROMPTS)
    assert sum(not answer.text for answer in answers) == 2
    assert [answer.extra for answer in answers] == [answer.extra for answer in found]
    for answer in answers:
        assert between.revised(answer.extra) == answer.text
        assert SPAN.revised(answer.extra) == answer.extra["best_span"]
        assert bool(answer.ids) == bool(answer.text)


def test_undecided_it_is_zero():
    row = {"best_span": "emma", "score": 1.0, "no_answer_score": 1.5}
    assert SPAN_OR_NONE.revised(row) == ""
    assert SPAN_OR_NONE.revised({**row, "no_answer_score": 1.0}) == "emma"


def row(span, reference, better_by):
    return {"best_span": span, "references": [reference], "score": 0.0, "no_answer_score": better_by}


ROWS = [
    row("emma", "emma", -2.0),
    row("nana", "", -1.5),
    row("emma", "emma", -1.0),
    row("jane", "jane austen", 0.5),
    row("nana", "", 1.0),
    row("nana", "", 2.0),
]


def test_best_threshold():
    assert best_threshold(ROWS) == 0.5
    assert best_threshold(ROWS[4:]) < 1.0, "nothing has an answer"
    assert best_threshold(ROWS[:1] + ROWS[2:4]) == 0.5, "everything has one"
    decided = SPAN_OR_NONE.decided(ROWS)
    assert decided == SpanOrNone(max_answer_tokens=4, batch_size=3, no_answer_threshold=0.5)
    assert [decided.revised(each) for each in ROWS] == ["emma", "nana", "emma", "jane", "", ""]
    assert decided.decided(ROWS[:2]) is decided, "what the config says is not decided again"
    assert SPAN.decided(ROWS) is SPAN


def test_best_threshold_is_that_of_every_threshold_tried():
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        rows = [
            row(*pair, better_by=round(float(value), 1))
            for pair, value in zip(
                [("a b", "a b"), ("a b", "a c"), ("x", ""), ("x", "y"), ("z", "")] * 4,
                torch.randn(20, generator=random),
                strict=True,
            )
        ]
        thresholds = [best_threshold(rows), *(each["no_answer_score"] for each in rows), -99.0, 99.0]
        scores = [total(rows, threshold) for threshold in thresholds]
        assert scores[0] == max(scores)


def total(rows, threshold):
    from fsqa.metrics.scoring import score_answer

    span = SpanOrNone(max_answer_tokens=4, batch_size=3, no_answer_threshold=threshold)
    scored = [score_answer(Record("1", "q", tuple(each["references"])), span.revised(each)) for each in rows]
    return round(sum(each["f1"] for each in scored), 6), sum(each["exact_match"] for each in scored)


def test_variants():
    variants = SPAN_OR_NONE.decided(ROWS).variants()
    assert {name: [each.revised(r) for r in ROWS].count("") for name, each in variants.items()} == {
        "always an answer": 0,
        "threshold 0": 3,
    }
    assert SPAN.variants() == {}


def test_no_document():
    asked = prompt(Record(id="1", question="who", answers=("",)))
    with pytest.raises(InputError, match=r"wanted one document .* give the question its context"):
        SPAN(pointer(len(TOKENIZER)), reader(TOKENIZER), [asked])


def test_a_document_without_a_token():
    (answer,) = SPAN(pointer(len(TOKENIZER)), reader(TOKENIZER), [prompt(record(answer="", context="  "))])
    assert (answer.text, answer.ids) == ("", ())
    json.dumps(answer.extra, allow_nan=False)


@pytest.mark.parametrize("name", ["max_answer_tokens", "batch_size"])
def test_bad_settings(name):
    with pytest.raises(InputError, match=rf"generation\.{name}: wanted 1 or more, got 0"):
        configured("generation", "span", **{name: 0})


def test_nothing_is_asked():
    assert SPAN(pointer(len(TOKENIZER)), reader(TOKENIZER), []) == []
