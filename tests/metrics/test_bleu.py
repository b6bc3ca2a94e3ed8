"""Against sacrebleu's golden values, published scores, and the protocol of an earlier work on real rewrites."""

import gzip
import json
import math
from itertools import pairwise
from statistics import fmean

import pytest
from sacrebleu.metrics import BLEU, CHRF

from fsqa.metrics.bleu import corpus_bleu, corpus_chrf, corpus_score, sacrebleu_signatures, sentence_bleu

WMT = "data/metrics/wmt15_enru_100"


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
        return stream.read().splitlines()


def rows(path, split):
    return [row for row in map(json.loads, lines(path)) if row["split"] == split]


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared / "data/metrics/bleu_rouge_golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def disfluent(shared):
    path = shared / "data/rewrite/disfl_qa.jsonl.gz"
    return {split: rows(path, split) for split in ("dev", "test")}


def texts_of(case, shared, disfluent):
    """The predictions and the references of a golden case, by what its name says."""
    name = case["name"]
    if "hyps" in case:
        return case["hyps"], list(zip(*case["refs"], strict=True))
    if name.startswith("wmt15"):
        plain = "plain" in name
        said = "newstest-2015-100sents.en-ru.google.ru" if plain else "google.ru"
        wanted = "newstest-2015-100sents.en-ru.ref.ru" if plain else "ref.ru"
        return lines(shared / WMT / said), [[line] for line in lines(shared / WMT / wanted)]
    if name.startswith("canard"):
        pairs = json.loads((shared / "data/metrics/canard_multiple_refs.json").read_text(encoding="utf-8"))
        first = "first rewrite scored" in name
        return [pair[not first] for pair in pairs], [[pair[first]] for pair in pairs]
    copies = disfluent["test"] if name.startswith("disfl_qa") else rows(shared / "data/rewrite/mqr.jsonl", "test")
    return [row["input"] for row in copies], [[row["target"]] for row in copies]


def protocol(signature):
    """A signature without the version of the package."""
    settings, _, version = signature.rpartition("|")
    assert version.startswith("version:")
    return settings


def test_every_golden_case(golden, shared, disfluent):
    assert len(golden["cases"]) == 22
    for case in golden["cases"]:
        said, references = texts_of(case, shared, disfluent)
        metric = BLEU(**case["options"])
        assert 100 * corpus_score(metric, said, references) == pytest.approx(case["bleu"], abs=1e-4), case["name"]
        assert protocol(str(metric.get_signature())) == protocol(case["signature"])
        if not case["options"]:
            assert 100 * corpus_bleu(said, references) == pytest.approx(case["bleu"], abs=1e-4), case["name"]
            assert protocol(sacrebleu_signatures(references)["bleu"]) == protocol(case["signature"])


def test_golden_sentences_are_smoothed_and_ours_are_not(golden):
    for case in golden["sentence_bleu"]:
        smoothed = BLEU(effective_order=True).sentence_score(case["hyp"], case["refs"]).score
        assert smoothed == pytest.approx(case["score"], abs=1e-4)
        ours = 100 * sentence_bleu(case["hyp"], case["refs"])
        assert ours == pytest.approx(smoothed if smoothed > 50 else 0)


def test_published_scores(golden, shared):
    """multi-bleu.perl and mteval-v13a.pl on the same hundred sentences."""
    published = golden["published"]
    said, wanted = (lines(shared / WMT / name) for name in ("google.ru", "ref.ru"))
    references = [[line] for line in wanted]
    plain = corpus_score(BLEU(tokenize="none"), said, references)
    assert round(100 * plain, 2) == published["wmt15_multi_bleu"]["bleu"] == 23.17
    assert round(corpus_bleu(said, references), 4) == published["wmt15_mteval13a"]["bleu"] == 0.2318


def test_published_scores_of_another_tokeniser(golden, shared):
    """MS MARCO's own evaluation tokenises by spaCy and lower-cases; its scores differ by less than 0.1 points."""
    folder, published = shared / "data/metrics/msmarco_eval", golden["published"]["msmarco_eval"]["dev_set"]
    references, said = (
        {row["query_id"]: row["answers"] for row in map(json.loads, lines(folder / published[side]))}
        for side in ("references", "candidates")
    )
    known = [query for query in references if references[query] and said[query]]
    assert (len(references), len(known)) == (10_047, 9_754)
    metric = BLEU(lowercase=True, smooth_method="none", force=True)
    score = corpus_score(metric, [said[query][0] for query in known], [references[query] for query in known])
    assert score == pytest.approx(published["bleu_4"], abs=1e-3)


COPIES = {  # rows of each split here and in all, mean of sentence BLEU of all and of those here
    "dev": (775, 1_000, 0.5135, 0.5158865385328735),
    "test": (2_890, 3_643, 0.5285, 0.5291832489309654),
}


@pytest.mark.parametrize("split", COPIES)
def test_copying_disfluent_questions(disfluent, split):
    """The mean of sentence BLEU of copying the input, of which 0.5135 and 0.5285 are known for whole splits.

    Four fifths of the rows are here, so the means differ in the third digit. The protocol shows all the same: every
    other way of taking the mean is farther off on both splits.
    """
    here, in_all, published, mean = COPIES[split]
    pairs = [(row["input"], row["target"]) for row in disfluent[split]]
    assert len(pairs) == here < in_all
    ours = fmean(sentence_bleu(said, [wanted]) for said, wanted in pairs)
    assert ours == pytest.approx(mean, abs=1e-12)
    assert abs(ours - published) < 0.0025
    others = (
        {"smooth_method": "exp"},
        {"smooth_method": "floor"},
        {"smooth_method": "add-k"},
        {"smooth_method": "none", "tokenize": "none"},
        {"smooth_method": "none", "lowercase": True},
    )
    for options in others:
        metric = BLEU(effective_order=True, **options)
        other = fmean(metric.sentence_score(said, [wanted]).score for said, wanted in pairs) / 100
        assert abs(other - published) > 0.004, options


@pytest.mark.parametrize(
    ("split", "of_all", "of_those_here"),
    [("dev", 0.5322, 0.5335480113071719), ("test", 0.5507, 0.5518224480712235)],
)
def test_corpus_bleu_of_copies_is_another_figure(disfluent, split, of_all, of_those_here):
    pairs = disfluent[split]
    corpus = corpus_bleu([row["input"] for row in pairs], [[row["target"]] for row in pairs])
    assert corpus == pytest.approx(of_those_here, abs=1e-12)
    assert corpus == pytest.approx(of_all, abs=0.0015)


def test_sentences_as_sacrebleu_without_smoothing(disfluent):
    """To the last digits, where there is one reference; copies and rotated copies, which share next to nothing."""
    metric = BLEU(smooth_method="none", effective_order=True)
    inputs, targets = ([row[side] for row in disfluent["dev"]] for side in ("input", "target"))
    zeros = 0
    for said, wanted in zip(inputs + targets[1:] + targets[:1], targets + inputs, strict=True):
        theirs = metric.sentence_score(said, [wanted])
        expected = theirs.score / 100 if all(theirs.counts) else 0
        assert sentence_bleu(said, [wanted]) == pytest.approx(expected, abs=1e-14)
        zeros += expected == 0
    assert zeros > 500


@pytest.mark.parametrize(
    ("said", "references", "expected"),
    [
        ("a b c d", ["a b c d"], 1.0),
        ("a b c", ["a b c"], 0.0),  # no 4-gram
        ("", ["a b c d"], 0.0),
        ("", [""], 0.0),
        ("a b c d", [""], 0.0),
        ("a b c d", ["a b c d e f"], math.exp(1 - 6 / 4)),
        ("a b c d", ["a b c d e f", "x"], 1.0),  # the shortest reference is the measure of length
        ("a b c d e", ["a b c d x", "a b c x e"], (5 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)),  # n-grams of both
        ("A b c d", ["a b c d"], 0.0),  # case counts: the one 4-gram differs
        ("Who is it?", ["Who is it ?"], 1.0),  # the question mark is a token of its own
        ("the the the the the", ["the the the the"], (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)),  # clipped
    ],
)
def test_sentences_by_hand(said, references, expected):
    assert sentence_bleu(said, references) == pytest.approx(expected, abs=1e-15)


def test_references_of_differing_number():
    said, references = (
        ["the cat is on the mat", "so it is then"],
        [["the cat sat on the mat", "a cat is there"], ["so it is"]],
    )
    padded = [["the cat sat on the mat", "so it is"], ["a cat is there", None]]
    for ours, metric in ((corpus_bleu, BLEU()), (corpus_chrf, CHRF())):
        assert ours(said, references) == pytest.approx(metric.corpus_score(said, padded).score / 100)
        assert 0 < ours(said, references) < 1
    assert sacrebleu_signatures(references)["chrf"].startswith("nrefs:var|case:mixed|eff:yes|nc:6|nw:0|space:no|")
    assert sacrebleu_signatures([["a", "b"]])["bleu"].startswith("nrefs:2|")


def test_more_references_do_no_harm(disfluent):
    """A reference equal to the prediction makes it perfect, whatever else there is."""
    targets = [row["target"].strip() for row in disfluent["dev"]]
    for said, other in pairwise(targets):
        if len(said.split()) >= 4:
            assert sentence_bleu(said, [said, other + " " + said]) == pytest.approx(1)


def test_order_does_not_matter():
    said, references = ["one two three four", "five six seven eight nine"], [["one two three"], ["five six eight nine"]]
    assert corpus_bleu(said, references) == corpus_bleu(said[::-1], references[::-1])
    assert corpus_chrf(said, references) == pytest.approx(corpus_chrf(said[::-1], references[::-1]), abs=1e-15)
