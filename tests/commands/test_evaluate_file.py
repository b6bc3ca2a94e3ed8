import json
from pathlib import Path

import pytest

from tests.commands.lines import TINY, call, read_lines, refusal

DATA = [word for word in TINY if word.startswith("dataset.")]


@pytest.fixture
def answers(tiny_run):
    """The run's own answers, as rows."""
    return read_lines(tiny_run / "predictions.jsonl")


def outside(*words: object, study: str = "one") -> dict[str, float]:
    outcome = call("evaluate", *DATA, f"study={study}", *words, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def as_map(rows):
    return json.dumps({row["id"]: row["prediction"] for row in rows})


def as_lines(rows):
    return "".join(json.dumps({"id": row["id"], "prediction": row["prediction"]}) + "\n" for row in rows)


def by_question(rows):
    return "".join(
        json.dumps({"question": row["question"].upper(), "answer": row["prediction"]}) + "\n" for row in rows
    )


def as_list(rows):
    """The form of some earlier work: objects in a list that ends in an average."""
    entries = [{"input_ques": row["question"], "output_pred": row["prediction"], "bleu": 0.5} for row in rows]
    return json.dumps([*entries, {"AVG_BLEU": 0.5}])


@pytest.mark.parametrize("form", [as_map, as_lines, by_question, as_list])
def test_answers_of_a_run_score_as_the_run_did(tiny_run, answers, form):
    Path("said.json").write_text(form(answers), encoding="utf-8")
    own = json.loads((tiny_run / "metrics.json").read_text())["test"]
    metrics = outside("predictions=said.json", "name=twin")
    assert metrics == pytest.approx({name: own[name] for name in ("examples", "exact_match", "f1", "echo_rate")})


def test_it_is_a_run_with_baselines_and_scores_per_example(tiny_run, answers):
    Path("said.json").write_text(as_map(answers), encoding="utf-8")
    outside("predictions=said.json", "name=gpt3")
    outside("predictions=said.json", "name=gpt3")  # the same again is the same row
    (folder,) = Path("outputs/one").glob("*")
    status = json.loads((folder / "status.json").read_text())
    own = json.loads((tiny_run / "status.json").read_text())
    assert (status["state"], status["outside"], status["choices"]["model"]) == ("done", True, "gpt3")
    assert status["data_sha256"] == own["data_sha256"]
    metrics = json.loads((folder / "metrics.json").read_text())
    wanted = json.loads((tiny_run / "metrics.json").read_text())["baseline"]
    for name in ("most_frequent_answer", "nearest_question"):
        assert metrics["baseline"][name] == wanted[name]
        assert (folder / "baseline" / f"{name}.jsonl").read_bytes() == (
            tiny_run / "baseline" / f"{name}.jsonl"
        ).read_bytes()
    rows = read_lines(folder / "predictions.jsonl")
    assert [row["exact_match"] for row in rows] == [row["exact_match"] for row in answers]


def test_several_scorers(answers):
    Path("said.json").write_text(as_map(answers), encoding="utf-8")
    metrics = outside("predictions=said.json", "metrics=[text,calibration]")
    assert "sentence_bleu" in metrics
    assert "confidence" not in metrics, "nobody says how sure such a model was"


def test_a_question_without_an_answer_counts_and_is_told(answers):
    some = [row | {"prediction": row["references"][0]} for row in answers[:5]]
    Path("said.json").write_text(as_map(some)[:-1] + ', "nobody": "x"}', encoding="utf-8")
    outcome = call("evaluate", *DATA, "predictions=said.json")
    assert outcome.code == 0, outcome.err
    assert "15 test questions have no answer in the file; each counts as answered with nothing" in outcome.out
    assert "1 answers are to questions that are not in the test" in outcome.out
    assert outside("predictions=said.json")["exact_match"] == pytest.approx(5 / 20)


def test_answers_to_a_question_that_comes_twice_are_counted_once(answers):
    """One answer by its question serves both; none of the file is to a question that is not in the test."""
    first = answers[0]
    twice = [{"id": name, "question": first["question"], "answer": first["references"]} for name in "ab"]
    Path("own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in twice), encoding="utf-8")
    Path("said.json").write_text(by_question([first, {"question": "Who else?", "prediction": "x"}]), encoding="utf-8")
    outcome = call("evaluate", *DATA, "predictions=said.json", "test_questions=own.jsonl")
    assert outcome.code == 0, outcome.err
    assert "no answer in the file" not in outcome.out
    assert [line for line in outcome.out.splitlines() if "not in the test" in line] == [
        "1 answers are to questions that are not in the test"
    ]


@pytest.mark.parametrize("form", [as_lines, by_question])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_single_line_is_one_answer(answers, form, encoding):
    right = answers[0] | {"prediction": answers[0]["references"][0]}
    Path("said.json").write_text(form([right]), encoding=encoding)
    assert outside("predictions=said.json")["exact_match"] == pytest.approx(1 / 20)


def test_it_stands_in_the_table_beside_the_runs(tiny_run, answers, tmp_path):
    assert call("train", *TINY, "outputs=out", "study=both").code == 0
    right = [row | {"prediction": row["references"][0]} for row in answers]
    Path("said.json").write_text(as_map(right), encoding="utf-8")
    outside("predictions=said.json", "name=oracle", "outputs=out", study="both")
    outcome = call("report", "out/both")
    assert outcome.code == 0, outcome.err
    assert any("oracle" in line and "100.0" in line for line in outcome.out.splitlines())
    assert "tiny_gpt_neo" in outcome.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "said.json: holds no answers"),
        ("[]", "said.json: holds no answers"),
        (
            '{"id": "1", "prediction": "x"}\n{"id": "2", "prediction": 3, "question": "q"}',
            "said.json:2: prediction: wanted a text",
        ),
        ('{"id": "1", "prediction": "x"}\n{"id": ', "said.json:2: broken JSON"),
        ('{"id": "1", "prediction": "x"}\n{"id": "1", "prediction": "y"}', "said.json:2: '1' is answered twice"),
        ('[{"prediction": "x"}]', "said.json[0]: does not say what it answers; wanted one of id"),
        ('[{"id": "x", "said": "x"}]', "said.json[0]: has no answer; wanted one of prediction"),
        ('["x"]', "said.json[0]: wanted an object with an answer, came 'x'"),
        ('{"id": "1", "prediction": "x"}\n{"id": 2, "prediction": ["y"]}', "said.json:2: prediction: wanted a text"),
        ('{"id": "1", "prediction": "x"}\n{"id": 2, "answers": ["y"]}', "said.json:2: has no answer; wanted one of"),
        ('{"id1": "x"}', "said.json: answers none of the 20 test questions; wanted their ids, such as"),
    ],
)
def test_bad_files(text, told):
    Path("said.json").write_text(text, encoding="utf-8")
    outcome = call("evaluate", *DATA, "predictions=said.json")
    assert outcome.code == 2
    assert told in outcome.err
    assert not Path("outputs/default").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["predictions=none.json"], "predictions: there is no file"),
        (
            ["predictions=said.json", "loss=all"],
            "'loss=all': answers from elsewhere take only predictions, name, dataset",
        ),
        (["predictions=said.json", "nmae=x"], "did you mean 'name'?"),
        (["predictions=said.json", "name=a/b"], "name: wanted letters"),
        (["predictions=said.json", "dataset=atlass"], "did you mean 'atlas'?"),
    ],
)
def test_bad_input(words, told):
    Path("said.json").write_text("{}", encoding="utf-8")
    assert told in refusal(call("evaluate", *words))
