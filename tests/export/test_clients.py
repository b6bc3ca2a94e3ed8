"""A run's model in the hands of programs that know nothing of fsqa."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from transformers import pipeline

from tests.commands.lines import SMALL, call, environment, read_lines, train
from tests.export.runs import LEARNED, documented_code, documented_prompt


def test_the_pipeline_of_transformers(full_run):
    predictions = read_lines(full_run / "predictions.jsonl")
    assert len({row["prediction"] for row in predictions}) > 3
    prompt = documented_prompt(full_run / "model")
    texts = [prompt.replace("{question}", row["question"]) for row in predictions]
    generate = pipeline("text-generation", model=str(full_run / "model"), device="cpu")
    said = generate(texts, max_new_tokens=12, do_sample=False, return_full_text=False, add_special_tokens=False)
    assert [one["generated_text"].strip() for (one,) in said] == [row["prediction"] for row in predictions]


def test_the_program_on_the_model_card(run, predictions, monkeypatch):
    """By AutoModelForCausalLM, or AutoPeftModelForCausalLM where only an adapter was trained."""
    program = documented_code(run / "model")
    assert ("AutoPeftModelForCausalLM" in program) == ("-lora-" in run.name)
    monkeypatch.chdir(run)
    for row in predictions[:4]:
        question = f"question = {row['question']!r}"
        asked = program.replace('question = "who wrote the novel emma?"', question)
        assert question in asked
        out = io.StringIO()
        with redirect_stdout(out):
            exec(asked, {})
        assert out.getvalue() == f"{row['prediction']}\n"


def said_by_card(run, question, monkeypatch):
    """What the program on a model card prints when it asks this."""
    monkeypatch.chdir(run)
    out = io.StringIO()
    with redirect_stdout(out):
        exec(documented_code(run / "model").replace('"who wrote the novel emma?"', repr(question)), {})
    return out.getvalue()


def test_the_program_stops_where_the_run_did(tmp_path, monkeypatch):
    """At a text that every answer holds sooner or later, and that is no token of its own."""
    run = train(tmp_path / "outputs", *LEARNED, "generation.stop=' '", "loss=answer")
    rows = read_lines(run / "predictions.jsonl")
    assert any(row["stopped"] and row["prediction"] for row in rows)
    for row in rows[:4]:
        assert said_by_card(run, row["question"], monkeypatch) == f"{row['prediction']}\n"


def test_the_program_of_a_language_model_writes_on_from_the_beginning(tmp_path, monkeypatch):
    rows = [{"question": f"Who is number {i}", "answer": f"number {i} is Ann"} for i in range(60)]
    Path("rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    words = [word for word in SMALL if not word.startswith("callbacks.answers")]
    outcome = call(
        "train",
        "experiment=language_model",
        *words,
        "dataset=jsonl",
        "dataset.path=rows.jsonl",
        "model.vocabulary=300",
        "prompt.text='{question}? {answer}'",
        "prompt.beginning='{question}?'",
        "generation=greedy",
    )
    assert outcome.code == 0, outcome.err
    run = Path(outcome.out.split("  ")[0]).absolute()
    assert documented_prompt(run / "model") == "{question}?"
    for row in read_lines(run / "predictions.jsonl")[:2]:
        assert said_by_card(run, row["question"], monkeypatch) == f"{row['prediction']}\n"


def test_lm_evaluation_harness(run):
    """The task folder may lie anywhere; the harness finds the scores of fsqa evaluate."""
    exported = call("export", run, "--format", "lm_eval", "--output", "task")
    assert exported.code == 0, exported.err
    words = exported.out.splitlines()[-1].split()
    assert words[0] == "lm_eval"
    Path("task").rename("moved")
    words[words.index("--include_path") + 1] = "moved"
    harness = (sys.executable, "-m", "lm_eval", *words[1:], "--device", "cpu", "--output_path", "results")
    done = subprocess.run(harness, capture_output=True, text=True, check=False, env=environment(), timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = Path("results").rglob("results_*.json")
    (results,) = json.loads(path.read_text(encoding="utf-8"))["results"].values()
    ours = json.loads(call("evaluate", run, "--json").out)
    assert results["sample_len"] == ours["examples"] == 20
    for name in ("exact_match", "f1"):
        assert results[f"{name},none"] == pytest.approx(ours[name], abs=1e-12)
    assert ours["f1"] > 0
