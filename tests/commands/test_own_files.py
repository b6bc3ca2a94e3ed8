"""A newcomer adds a loss strategy with one YAML file, and a dataset with one."""

import json
from pathlib import Path

import pytest
import yaml

from tests.commands.lines import SMALL, call, refusal

LOSS = """\
# The answer, and a little of the question.
defaults: [answer_end, _self_]
weights: {prompt: 0.1}
"""
WHOLE_LOSS = """\
# The end token alone.
_target_: fsqa.loss.SmoothedKL
smoothing: 0.0
weights: {end: 1}
mean: token
"""
DATASET = """\
# Questions of our own.
defaults: [jsonl, _self_]
path: my/questions.jsonl
fields: {question: q, answers: a}
"""


def own(group: str, content: str) -> None:
    folder = Path("conf") / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.yaml").write_text(content, encoding="utf-8")


@pytest.fixture
def questions():
    Path("my").mkdir()
    rows = [{"q": f"who lives at number {i}?", "a": f"person {i}"} for i in range(60)]
    Path("my/questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(("content", "weights"), [(LOSS, (0.1, 1)), (WHOLE_LOSS, (0, 1))])
def test_loss_and_dataset(questions, content, weights):
    own("loss", content)
    own("dataset", DATASET)
    outcome = call("train", "loss=mine", "dataset=mine", *SMALL, "model.size.hidden_size=32", "model.vocabulary=400")
    assert outcome.code == 0, outcome.err
    (run,) = Path("outputs/default").iterdir()
    assert run.name.startswith("mine-tiny_gpt_neo-full-mine-seed0-")
    loss = yaml.safe_load((run / "config.yaml").read_text())["loss"]
    assert (loss["weights"].get("prompt", 0), loss["weights"]["end"]) == weights
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["data"]["train"]["records"] == 60 - 3 - 6
    share = metrics["masks"]["share"]
    assert (share["prompt"] > 0) == (weights[0] > 0)
    assert share["end"] > 0
    assert call("ask", run, "who lives at number 3?").code == 0
    help_text = call("train", "--help").out
    assert "loss: all, answer, answer_end, balanced, mine, span" in help_text
    assert "jsonl, mine, ms_marco" in help_text


def test_own_files_in_a_sweep(questions):
    own("loss", LOSS)
    own("dataset", DATASET)
    words = ("dataset=mine", *SMALL, "model.size.hidden_size=32", "model.vocabulary=400", "study=both")
    outcome = call("train", "-m", "loss=answer,mine", *words)
    assert outcome.code == 0, outcome.err
    assert len(list(Path("outputs/both").glob("mine-*"))) == 2


def test_a_mistake_in_ones_own_file():
    own("loss", "_target_: fsqa.loss.SmoothedKL\nsmoothing: 0.1\nweights: {answer: 1}\n")
    assert "loss.mean: fsqa.loss.SmoothedKL needs this key" in refusal(call("train", "loss=mine"))
    own("loss", "defaults: [answr]\n")
    assert "answr" in refusal(call("train", "loss=mine"))
    own("loss", "smoothing: [\n")
    assert "mine.yaml" in refusal(call("train", "loss=mine"))
    own("loss", "defaults: [answer, _self_]\nwieghts: {answer: 2}\n")
    assert "loss.wieghts: fsqa.loss.SmoothedKL takes no such key; did you mean 'weights'?" in refusal(
        call("train", "loss=mine")
    )
