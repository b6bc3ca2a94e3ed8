import gzip
import json
from itertools import islice
from pathlib import Path

import pytest

from tests.commands.lines import call, read_lines, refusal

QUICK = ("rehearse=true", "trainer.accelerator=cpu", "study=nq", "callbacks.answers.examples=4")
VARIANTS = {
    "as filled": ("false", "false"),
    "repeated tokens dropped": ("true", "false"),
    "question tokens dropped": ("false", "true"),
    "repeated and question tokens dropped": ("true", "true"),
}


@pytest.fixture(scope="module")
def questions(shared, tmp_path_factory):
    """A few of the real questions, under the official file names."""
    folder = tmp_path_factory.mktemp("nq_open")
    real = shared / "data" / "nq_open"
    with gzip.open(real / "NQ-open.train.part.jsonl.gz", "rt", encoding="utf-8") as lines:
        (folder / "NQ-open.train.jsonl").write_text("".join(islice(lines, 400)), encoding="utf-8")
    with (real / "NQ-open.dev.even.jsonl").open(encoding="utf-8") as lines:
        (folder / "NQ-open.dev.jsonl").write_text("".join(islice(lines, 50)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(questions, tmp_path_factory):
    """An encoder and a decoder on the same questions, in one study."""
    outputs = tmp_path_factory.mktemp("masked") / "outputs"
    folders = {}
    for name in ("bert_nq_open", "gpt_neo_nq_open"):
        outcome = call("train", f"experiment={name}", f"dataset.path={questions}", f"outputs={outputs}", *QUICK)
        assert outcome.code == 0, outcome.err
        folders[name] = Path(outcome.out.split("  ")[0])
    return folders


@pytest.fixture(scope="module")
def encoder(runs):
    return runs["bert_nq_open"]


@pytest.fixture(scope="module")
def metrics(encoder):
    return json.loads((encoder / "metrics.json").read_text())


def test_the_data_decided_the_number_of_masks(encoder, metrics):
    masks = json.loads((encoder / "status.json").read_text())["decided"]["objective.masks"]
    rows = read_lines(encoder / "predictions.jsonl")
    assert {len(row["filled"]) for row in rows} == {masks}
    assert max(row["answer_length"] for row in rows) <= masks
    train = metrics["data"]["train"]["records"]
    assert metrics["masks"]["cut_answers"]["train"] <= 0.01 * train
    assert metrics["masks"]["share"]["prompt"] == 0
    assert metrics["masks"]["share"]["end"] > 0


def test_every_setting_of_post_processing_is_scored(encoder, metrics):
    assert list(metrics["variants"]) == list(VARIANTS)
    own = metrics["variants"]["repeated and question tokens dropped"]
    assert own == pytest.approx(metrics["test"])
    rows = read_lines(encoder / "predictions.jsonl")
    assert all(row["post_processed"]["repeated and question tokens dropped"] == row["prediction"] for row in rows)


@pytest.mark.parametrize("name", VARIANTS)
def test_scored_again_under_other_switches(encoder, metrics, name):
    repeated, question = VARIANTS[name]
    switches = (f"generation.drop_repeated={repeated}", f"generation.drop_question={question}")
    outcome = call("evaluate", encoder, *switches, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == pytest.approx(metrics["variants"][name], abs=1e-6)


def test_asked_as_in_the_predictions(encoder):
    rows = read_lines(encoder / "predictions.jsonl")[:5]
    Path("questions.txt").write_text("\n".join(row["question"] for row in rows), encoding="utf-8")
    outcome = call("ask", encoder, "--file", "questions.txt")
    assert outcome.out == "".join(f"{row['question']}\t{row['prediction']}\n" for row in rows)


def test_encoder_and_decoder_stand_in_one_table(encoder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    outcome = call("report", encoder.parent)
    assert outcome.code == 0, outcome.err
    assert "did not see the same data" not in outcome.out
    folder = encoder.parent / "report"
    pages = (outcome.out, (folder / "table.md").read_text(), (folder / "report.html").read_text())
    for page in pages:
        plain = page.replace("<wbr>", "").replace("\\", "")
        assert "experiment=bert_nq_open" in plain
        assert "experiment=gpt_neo_nq_open" in plain
        assert "Post-processing" in plain
        assert all(name in plain for name in VARIANTS)


def test_a_report_without_variants_says_nothing_of_them(runs, tmp_path):
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "run").symlink_to(runs["gpt_neo_nq_open"])
    outcome = call("report", tmp_path / "alone")
    assert outcome.code == 0, outcome.err
    page = (tmp_path / "alone" / "report" / "report.html").read_text()
    assert "Post-processing" not in outcome.out + page


def test_show_colours_the_answer_alone(questions, encoder):
    outcome = call(
        "show", "experiment=bert_nq_open", f"dataset.path={questions}", "rehearse=true", f"outputs={encoder.parents[1]}"
    )
    assert outcome.code == 0, outcome.err
    assert "[CLS]·" in outcome.out
    assert "prompt 0 % (0 tokens), answer" in outcome.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["loss=all"], "loss.weights.prompt=1: objective=masked shows the prompt to the model"),
        (["objective.masks=1"], "objective.masks: wanted 2 or more"),
        (["objective.masks=200"], "objective.masks=200 leaves no room for a question in max_length=128"),
    ],
)
def test_bad_input(questions, words, told):
    outcome = call("train", "experiment=bert_nq_open", f"dataset.path={questions}", *QUICK, *words)
    assert told in refusal(outcome)


def test_a_decoder_cannot_fill_masks(questions):
    outcome = call("train", "experiment=bert_nq_open", f"dataset.path={questions}", *QUICK, "model=gpt2")
    assert outcome.code == 2
    assert "model: transformers has no AutoModelForMaskedLM of architecture gpt2" in outcome.err.splitlines()[-1]


def test_a_way_of_answering_for_decoders_is_refused():
    told = refusal(call("train", "objective=masked"))
    assert told == "generation: objective=masked cannot answer by Greedy; set generation=fill"
