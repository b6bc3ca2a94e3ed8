import json

from fsqa.report.samples import FEWEST, LONGEST, read_samples
from fsqa.study.cells import group_runs
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run, questions
from tests.report.fake_topics import ranking_study, refusal_study

QUESTIONS = questions(4)


def answers(folder, *said):
    """Replace what a run answered: text, whether it is right, and whether it ended."""
    lines = [
        dict(asked, prediction=text, exact_match=int(right), f1=float(right)) | ended
        for asked, (text, right, ended) in zip(QUESTIONS, said, strict=True)
    ]
    folder.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def study(folder):
    """Two cells and an untouched model, with one question of every kind."""
    ended, unended = {"stopped": True}, {"stopped": False}
    said = {
        "all": [("Lisbon", 1, ended), ("peso", 0, ended), ("Tagus", 1, ended), ("Oslo Oslo", 0, unended)],
        "answer": [("Lisbon", 1, ended), ("", 0, ended), ("Napo", 0, ended), ("Riga", 0, {})],
    }
    for loss, each in said.items():
        run = add_run(folder, loss, 0, asked=QUESTIONS)
        answers(run / "predictions.jsonl", *each)
        answers(run / "baseline" / "untouched.jsonl", ("Lisbon", 1, ended), *([("no", 0, ended)] * 3))
    return read_samples(group_runs(read_study(folder)))


def test_what_is_said_of_each_question(tmp_path):
    samples = study(tmp_path / "s")
    assert samples.labels == ("loss=all", "loss=answer")
    assert samples.seeds == (0, 0)
    assert samples.total == 4
    # the two that both cells miss come first, then the one that one cell misses
    assert [(row.place, row.misses, row.flags) for row in samples.rows] == [
        (1, 2, ("wrong", "refused")),
        (3, 2, ("wrong", "refused")),
        (2, 1, ("wrong", "disputed", "changed")),
        (0, 0, ()),
    ]


def test_an_answer_without_an_end_is_not_an_empty_one(tmp_path):
    first, second, *_ = study(tmp_path / "s").rows
    assert [answer.empty for answer in first.answers] == [False, True]
    assert [answer.ended for answer in first.answers] == [True, True]
    # where it was not written, nothing is held against an answer
    assert [answer.ended for answer in second.answers] == [False, True]


def test_many_questions_are_cut_evenly(tmp_path):
    add_run(tmp_path / "s", "all", 0, asked=questions(10))
    samples = read_samples(group_runs(read_study(tmp_path / "s")), limit=4)
    assert sorted(row.place for row in samples.rows) == [0, 2, 5, 7]
    assert samples.total == 10


def test_a_long_answer_is_cut(tmp_path):
    run = add_run(tmp_path / "s", "all", 0, asked=QUESTIONS)
    answers(run / "predictions.jsonl", ("x" * 9000, 0, {}), *([("no", 0, {})] * 3))
    (row, *_) = read_samples(group_runs(read_study(tmp_path / "s"))).rows
    assert row.answers[0].text == "x" * (LONGEST - 1) + "…"


def test_a_cell_that_was_not_asked(tmp_path):
    add_run(tmp_path / "s", "all", 0, asked=QUESTIONS)
    add_run(tmp_path / "s", "answer", 0, asked=QUESTIONS[:1])
    rows = read_samples(group_runs(read_study(tmp_path / "s"))).rows
    assert sorted(row.asked for row in rows) == [1, 1, 1, 2]


def test_refusals_are_found_on_and_off_topic(tmp_path):
    samples = read_samples(group_runs(read_study(refusal_study(tmp_path / "s", seeds=1))))
    assert samples.has_refusals
    assert samples.kinds == ("capital", "currency", "off topic", "on topic", "river")
    assert list(samples.flags)[-2:] == ["leaked", "falsely_refused"]
    for row in samples.rows:
        is_off_topic, refused = row.kinds[0] == "off topic", [answer.refused for answer in row.answers]
        assert ("leaked" in row.flags) == (is_off_topic and not all(refused))
        assert ("falsely_refused" in row.flags) == (not is_off_topic and any(refused))
    assert {"leaked", "falsely_refused"} <= {flag for row in samples.rows for flag in row.flags}


def test_what_was_only_ranked_is_neither_right_nor_wrong(tmp_path):
    samples = read_samples(group_runs(read_study(ranking_study(tmp_path / "s", seeds=1))))
    assert {answer.right for row in samples.rows for answer in row.answers} == {None}
    assert list(samples.flags) == ["refused"]
    assert {(row.misses, row.flags, row.is_long) for row in samples.rows} == {(0, (), True)}


def test_of_long_answers_fewer_questions_are_shown(tmp_path, monkeypatch):
    run = add_run(tmp_path / "s", "all", 0, asked=QUESTIONS)
    lines = [{"id": str(place), "question": "q", "prediction": "x" * 500, "exact_match": 0} for place in range(90)]
    (run / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    cells = group_runs(read_study(tmp_path / "s"))
    assert len(read_samples(cells).rows) == 90
    monkeypatch.setattr("fsqa.report.samples.MOST_CHARACTERS", 20_000)
    assert len(read_samples(cells).rows) in (39, 40)
    monkeypatch.setattr("fsqa.report.samples.MOST_CHARACTERS", 0)
    assert len(read_samples(cells).rows) == FEWEST


def test_of_many_kinds_the_topic_is_offered(tmp_path, monkeypatch):
    monkeypatch.setattr("fsqa.report.samples.MOST_KINDS", 4)
    samples = read_samples(group_runs(read_study(refusal_study(tmp_path / "s", seeds=1))))
    assert samples.kinds == ("off topic", "on topic")
