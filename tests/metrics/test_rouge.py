import gzip
import json
import subprocess
import sys
from importlib.metadata import version
from statistics import fmean

import pytest

from fsqa.metrics.rouge import rouge, rouge_signatures


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared / "data/metrics/bleu_rouge_golden.json").read_text(encoding="utf-8"))["rouge"]


def test_golden_values(golden):
    assert len(golden["cases"]) == 6
    for case in golden["cases"]:
        scores = rouge(case["hyp"], [case["ref"]])
        wanted = {
            ours: case[theirs]["f"]
            for ours, theirs in (("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL"))
        }
        assert scores == pytest.approx(wanted, abs=1e-6)


def test_each_figure_has_its_best_reference():
    """Of "a b c" the first reference has more pairs in common, the second more words."""
    first, second = rouge("a b c d", ["a b x y"]), rouge("a b c d", ["d c b z"])
    assert (first["rouge_1"], second["rouge_1"]) == (0.5, 0.75)
    assert (first["rouge_2"], second["rouge_2"]) == (pytest.approx(1 / 3), 0)
    best = rouge("a b c d", ["a b x y", "d c b z"])
    assert best == {name: max(first[name], second[name]) for name in first}


def test_neither_stemmed_nor_case_sensitive():
    assert rouge("Running", ["running"])["rouge_1"] == 1
    assert rouge("running", ["runs"])["rouge_1"] == 0
    assert rouge("", [""]) == {"rouge_1": 0, "rouge_2": 0, "rouge_l": 0}


def answers(path):
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return {row["query_id"]: row["answers"] for row in map(json.loads, stream)}


def test_published_score(shared):
    """MS MARCO's own evaluation, which weighs recall more and tokenises by spaCy, says 0.12077."""
    folder = shared / "data/metrics/msmarco_eval"
    references = answers(folder / "dev_as_references.json.gz")
    said = answers(folder / "dev_first_sentence_as_candidates.json.gz")
    known = [query for query in references if references[query]]
    mean = fmean(rouge(said[query][0], references[query])["rouge_l"] for query in known)
    assert mean == pytest.approx(0.12077, abs=1e-3)


def test_logging_stays_as_it_is():
    """A process of its own: the first use is what counts."""
    code = "import logging; from fsqa.metrics.rouge import rouge; rouge('a', ['a']); print(logging.root.handlers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_signatures():
    package = f"rouge_score:{version('rouge_score')}"
    assert rouge_signatures() == {
        "rouge_1": f"rouge1|fmeasure|use_stemmer:False|multi:max|{package}",
        "rouge_2": f"rouge2|fmeasure|use_stemmer:False|multi:max|{package}",
        "rouge_l": f"rougeL|fmeasure|use_stemmer:False|multi:max|{package}",
    }
