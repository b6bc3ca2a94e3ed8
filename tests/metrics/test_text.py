import json
from importlib.metadata import version
from statistics import fmean

import pytest

from fsqa.metrics.scoring import score_answer
from fsqa.metrics.text import METRICS, Text
from fsqa.types import Record

QUESTIONS = [
    Record(id="1", question="who is no what is it ", answers=("What is it now?", "What is that?")),
    Record(id="2", question="where is the sea", answers=("Where is the old sea?",)),
    Record(id="3", question="is it", answers=("",)),
]


def scored(predictions, records=QUESTIONS):
    rows = [score_answer(record, said) for record, said in zip(records, predictions, strict=True)]
    return [row | more for row, more in zip(rows, Text().columns(records, rows), strict=True)]


def test_columns():
    first, second, third = scored([" What is it?", "where is the sea", ""])
    assert first["word_edits"] == 1 / 3  # against the second reference; against the first it is 2 / 4
    assert first["reference_words"] == 3
    assert (first["character_edits"], first["reference_characters"]) == (3 / 13, 13)
    assert first["rouge_1"] == pytest.approx(6 / 7)  # "now" is missing
    assert (first["verbatim_match"], first["copied"]) == (0, 0)
    assert (second["word_edits"], second["reference_words"], second["copied"]) == (3 / 5, 5, 1)
    assert (third["word_edits"], third["reference_words"], third["verbatim_match"]) == (0, 1, 1)
    assert third["sentence_bleu"] == third["rouge_l"] == 0
    json.dumps([first, second, third], allow_nan=False)


def test_outer_white_space_does_not_count():
    first, second, third = scored(["What is that? ", " where is the sea\n", " "])
    assert first["verbatim_match"] == second["copied"] == third["verbatim_match"] == 1
    assert first["character_edits"] == 0


def test_figures_are_the_weighted_means_that_the_catalogue_says():
    rows = scored(["What is it?", "where is the sea", "no"])
    figures = Text().figures(rows)
    assert set(figures) == {metric.name for metric in METRICS}
    for metric in METRICS:
        if metric.column:
            weights = [row[metric.weight] if metric.weight else 1 for row in rows]
            assert figures[metric.name] == pytest.approx(fmean([row[metric.column] for row in rows], weights))
    assert figures["word_edits"] == pytest.approx((1 + 3 + 1) / (3 + 5 + 1))
    assert {metric.name for metric in METRICS if not metric.column} == {"bleu", "chrf"}


def test_perfect_answers():
    figures = Text().figures(scored(["What is it now?", "Where is the old sea?"], QUESTIONS[:2]))
    edits = {"word_edits": 0, "character_edits": 0, "copied": 0}
    assert figures == pytest.approx({metric.name: edits.get(metric.name, 1) for metric in METRICS})


def test_no_reference_is_the_empty_one():
    record = Record(id="1", question="go on", answers=())
    (row,) = scored(["and so"], [record])
    assert (row["word_edits"], row["reference_words"], row["verbatim_match"]) == (2, 1, 0)
    assert Text().figures([row])["bleu"] == 0


def test_no_rows():
    assert Text().columns([], []) == []
    assert Text().figures([]) == {}


def test_baselines():
    """The rule stands beside the copy only where it changes something."""
    questions = [record.question for record in QUESTIONS]
    said = Text().baselines([], QUESTIONS)
    assert said == {"copy_input": questions, "after_last_cue": ["What is it ", *questions[1:]]}
    assert Text().baselines([], QUESTIONS[1:]) == {"copy_input": questions[1:]}


def test_signatures_are_of_the_rows():
    one, two = (Text().signatures(rows) for rows in (scored(["a"], QUESTIONS[1:2]), scored(["a", "b", "c"])))
    package = f"version:{version('sacrebleu')}"
    assert one["bleu"] == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|{package}"
    assert two["bleu"] == one["bleu"].replace("nrefs:1", "nrefs:var")
    assert one["sentence_bleu"] == f"mean:sentence|case:mixed|eff:no|tok:13a|smooth:none|{package}"
    assert set(one) == {"bleu", "sentence_bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"}
