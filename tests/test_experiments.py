"""The experiments of whole studies, rehearsed: the model of each in small, the data and every step as they are."""

import json
from pathlib import Path

import pytest

from tests.commands.lines import call, read_lines

QUICK = ("rehearse=true", "trainer.accelerator=cpu")
REWRITES = ("dataset.questions=400", "dataset.validation_questions=20", "dataset.test_questions=40")
FEW = ("dataset.share=0.05", "dataset.questions.held_out=0.02")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rehearsed(experiment: str, *words: str) -> tuple[Path, dict]:
    """Rehearse an experiment; return its run and what it measured."""
    outcome = call("train", f"experiment={experiment}", *QUICK, *words)
    assert outcome.code == 0, outcome.err
    (run,) = Path("outputs", experiment).glob("*/metrics.json")
    return run.parent, json.loads(run.read_text(encoding="utf-8"))


def passages(count: int) -> str:
    """Records in MS MARCO's layout, one in five without a selected passage."""
    rows = [
        {
            "query_id": i,
            "query": f"what is thing number {i}",
            "query_type": "description",
            "answers": [f"thing {i}"],
            "passages": {
                "is_selected": [0, int(i % 5 > 0), 0],
                "passage_text": [f"a stone {i}", f"thing number {i} is a thing that counts", "of rivers and lakes"],
                "url": ["", "", ""],
            },
        }
        for i in range(count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_question_rewriting(tuning):
    run, metrics = rehearsed("qwen2_question_rewrite", *REWRITES, f"tuning={tuning}")
    test = metrics["test"]
    assert {"exact_match", "bleu", "sentence_bleu", "word_edits", "calibration_error", "copied"} <= set(test)
    assert {"untouched", "copy_input", "after_last_cue", "nearest_question"} <= set(metrics["baseline"])
    assert metrics["baseline"]["copy_input"]["copied"] == 1
    assert metrics["baseline"]["copy_input"]["exact_match"] == 0
    assert metrics["gap"]["exact_match"] == metrics["train"]["exact_match"] - metrics["val"]["exact_match"]
    assert metrics["signatures"]["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp")
    assert len(read_lines(run / "predictions/train.jsonl")) == 200
    assert len(read_lines(run / "predictions/validation.jsonl")) == 20
    assert json.loads((run / "status.json").read_text())["choices"]["prompt"] == "chat"


@pytest.mark.parametrize("experiment", ["pythia_document_qa", "opt_lora_document_qa"])
def test_document_questions(experiment):
    run, metrics = rehearsed(experiment, *FEW)
    assert {"refusal_precision", "refusal_recall", "refusal_f1", "false_refusal_rate", "leak_rate"} <= set(
        metrics["test"]
    )
    assert set(metrics["kinds"]) == {"held_out", "paraphrase", "refusal"}
    assert metrics["baseline"]["refuse_everything"]["refusal_recall"] == 1
    assert metrics["baseline"]["refuse_everything"]["false_refusal_rate"] == 1
    assert "train" in metrics
    told = call("report", run.parent)
    assert told.code == 0, told.err
    assert "refusal F1 %" in told.out


def test_passages_for_rankers():
    Path("marco.jsonl").write_text(passages(60), encoding="utf-8")
    words = ("dataset.path=marco.jsonl", "generation.max_new_tokens=12", "max_length=32")
    run, metrics = rehearsed("gpt2_ms_marco", *words)
    assert {"answer_nll", "bm25_loc", "bm25_top_1", "bm25_fdaro_v1", "no_relevant_share"} <= set(metrics["test"])
    assert {"untouched", "unigram", "query", "query_repeated", "random_passage", "human_answer"} <= set(
        metrics["baseline"]
    )
    assert metrics["baseline"]["query_repeated"]["bm25_top_1"] == 1
    rows = read_lines(run / "predictions.jsonl")
    assert all(not row["prediction"].startswith(row["question"]) for row in rows)
    told = call("evaluate", run, "generation.keep_question=false,true", "--output", "kept")
    assert told.code == 0, told.err
    kept = read_lines(Path("kept/1.jsonl"))
    assert all(row["prediction"].startswith(row["question"]) for row in kept)
    again = [row["prediction"] for row in read_lines(Path("kept/0.jsonl"))]
    assert again == [row["prediction"] for row in rows]


@pytest.mark.parametrize(
    "words",
    [
        (),
        (
            "prompt=tagged_text",
            "model.added_tokens=[]",
            "generation.stop='<END>'",
            "loss=all",
            "tuning.embeddings=true",
        ),
    ],
    ids=["special tokens", "plain text"],
)
def test_tagged_questions(words):
    facts = "\n\n".join(f"Where is thing {i}? <QUESTION>\nThing {i} is in room {i}. <END>" for i in range(60))
    Path("facts.txt").write_text(facts, encoding="utf-8")
    run, metrics = rehearsed("gpt2_custom_qa", "dataset=tagged_text", "dataset.path=facts.txt", *words)
    assert all("<END>" not in row["prediction"] for row in read_lines(run / "predictions.jsonl"))
    assert 0 < metrics["cost"]["trainable_parameters"] < metrics["cost"]["parameters"]
    assert metrics["cost"]["estimated_memory_mb"] > 0
    tokenizer = json.loads((run / "model/tokenizer.json").read_text(encoding="utf-8"))
    added = {token["content"] for token in tokenizer["added_tokens"]}
    assert ({"<QUESTION>", "<END>"} <= added) == (not words)
    assert call("ask", run, "Where is thing 3?").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("experiment=gpt2_custom_qa", "prompt=tagged_text", "model.added_tokens=[]"), "generation.stop: answers are"),
        (("experiment=gpt2_custom_qa",), "trainer.precision=16-mixed: there is no GPU here"),
        (("experiment=gpt2_ms_marco", "prompt.beginning=null"), "set prompt.beginning"),
        (("experiment=bert_nq_open", "metrics=calibration"), "metrics.calibration: it asks how likely every generated"),
        (("dataset=off_topic",), "answer"),
    ],
)
def test_what_does_not_go_together(words, told):
    outcome = call("train", *words)
    assert outcome.code == 2
    assert told in outcome.err
