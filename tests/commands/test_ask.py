import io
import json
from pathlib import Path

import pytest

from tests.commands.lines import call, read_lines, refusal


@pytest.fixture(scope="module")
def predictions(tiny_run):
    return read_lines(tiny_run / "predictions.jsonl")


def test_one_question_is_answered_as_in_the_predictions(tiny_run, predictions):
    for row in predictions[:3]:
        outcome = call("ask", tiny_run, row["question"])
        assert (outcome.code, outcome.out) == (0, f"{row['prediction']}\n")
        assert outcome.err == ""


def test_json(tiny_run, predictions):
    row = predictions[0]
    outcome = call("ask", tiny_run, row["question"], "--json")
    assert json.loads(outcome.out) == {
        "question": row["question"],
        "answer": row["prediction"],
        "stopped": row["stopped"],
    }


def test_another_way_of_answering(tiny_run, predictions):
    """The same answers as fsqa evaluate gives under the same overrides, question by question."""
    words = ["generation=sampling", "generation.temperature=1.5", "quantization=bfloat16"]
    assert call("evaluate", tiny_run, *words, "--output", "scores").code == 0
    scored = read_lines(Path("scores/predictions.jsonl"))
    for row in scored[:3]:
        assert call("ask", tiny_run, words[0], row["question"], *words[1:]).out == f"{row['prediction']}\n"
    assert [row["prediction"] for row in scored] != [row["prediction"] for row in predictions]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["who", "wrote", "it?"], "wanted one question, got 3 words; put the question in quotes"),
        ([" "], "question: wanted some text, got an empty one"),
        (["why?", "split=test"], "split: there is no key 'split'; the keys are generation, quantization"),
        (["why?", "generatoin=sampling"], "did you mean 'generation'?"),
        (["why?", "generation=fill"], "objective=causal cannot answer by Fill"),
        (["why?", "--file", "questions.txt"], "give a question or --file, not both"),
        (["why?", "--context", "  "], "--context: wanted some text, got an empty one"),
    ],
)
def test_bad_words(tiny_run, words, told):
    assert told in refusal(call("ask", tiny_run, *words))


def test_file_is_answered_in_its_order(tiny_run, predictions):
    questions = [row["question"] for row in predictions]
    Path("questions.txt").write_text("\n".join(["", *questions, " "]), encoding="utf-8")
    outcome = call("ask", tiny_run, "--file", "questions.txt")
    assert outcome.out == "".join(f"{row['question']}\t{row['prediction']}\n" for row in predictions)
    lines = call("ask", tiny_run, "--file", "questions.txt", "--json").out.splitlines()
    assert [json.loads(line)["answer"] for line in lines] == [row["prediction"] for row in predictions]


def test_prompt_loop(tiny_run, predictions, monkeypatch):
    first, second, third = (row["question"] for row in predictions[:3])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{first}\n{second}\n\n{third}\n"))
    outcome = call("ask", tiny_run)
    assert outcome.out == "".join(f"{row['prediction']}\n" for row in predictions[:2]), "an empty line ends"


def test_standard_input_as_a_file(tiny_run, predictions, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{predictions[0]['question']}\n"))
    outcome = call("ask", tiny_run, "--file", "-")
    assert outcome.out == f"{predictions[0]['question']}\t{predictions[0]['prediction']}\n"


def test_the_only_run_of_a_study_need_not_be_named(tiny_run, predictions):
    outcome = call("ask", tiny_run.parent, predictions[0]["question"])
    assert outcome.out == f"{predictions[0]['prediction']}\n"


def test_it_may_run_anywhere(tiny_run, predictions, tmp_path):
    """Neither the cache nor the data is needed."""
    import shutil

    shutil.copytree(tiny_run, tmp_path / "copy")
    assert call("ask", "copy", predictions[0]["question"]).out == f"{predictions[0]['prediction']}\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot read questions.txt"), (b"\n \n", "no question in questions.txt"), (b"\xff\xfe", "cannot read")],
)
def test_bad_file(tiny_run, content, told):
    if content is not None:
        Path("questions.txt").write_bytes(content)
    assert told in refusal(call("ask", tiny_run, "--file", "questions.txt"))
