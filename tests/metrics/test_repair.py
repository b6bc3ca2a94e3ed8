import gzip
import json
from statistics import fmean

import pytest

from fsqa.metrics.answers import exact_match
from fsqa.metrics.bleu import corpus_bleu, sentence_bleu
from fsqa.metrics.repair import after_last_cue


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("Who is, no wait, what is a lake?", "What is a lake?"),
        ("who was no sorry I mean, which river is longest?", "Which river is longest?"),
        ("Which city er which town or rather where is it?", "Where is it?"),
        ("When SORRY where was it?", "Where was it?"),
        ("Where is it?", "Where is it?"),  # no cue
        ("where is it?", "where is it?"),
        ("Who knows Nora Waite?", "Who knows Nora Waite?"),  # no word of repair within a word
        ("Where is it, no?", "Where is it, no?"),  # nothing comes after
        ("What is it, sorry, where is it, no?", "Where is it, no?"),
        ("Who\nis no\nwhat is it?", "What is it?"),
        ("", ""),
    ],
)
def test_rest(question, rest):
    assert after_last_cue(question) == rest


def test_real_disfluent_questions(shared):
    """A rule of an earlier work scored 0.219 exact match, 0.5503 mean of sentence BLEU, 0.6440 BLEU on 1,000 rows."""
    with gzip.open(shared / "data/rewrite/disfl_qa.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [row for row in map(json.loads, stream) if row["split"] == "dev"]
    said, wanted = [after_last_cue(row["input"]) for row in rows], [[row["target"]] for row in rows]
    pairs = list(zip(said, wanted, strict=True))
    assert len(pairs) == 775
    assert sum(text != row["input"] for text, row in zip(said, rows, strict=True)) == 690
    assert sum(exact_match(*pair) for pair in pairs) == 220
    assert fmean(sentence_bleu(*pair) for pair in pairs) == pytest.approx(0.5665460496090843, abs=1e-12)
    assert corpus_bleu(said, wanted) == pytest.approx(0.633968758046784, abs=1e-12)
