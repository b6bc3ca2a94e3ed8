import math
from collections import Counter
from pathlib import Path

import pytest

from fsqa.errors import InputError
from fsqa.report.finding import finding
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import NLL, add_run, build_sweep, questions


def scored(folder, loss, seed, value, **more):
    asked = more.pop("asked", ())
    add_run(folder, loss, seed, asked=asked, metrics={"test": {"exact_match": value} | more.pop("test", {})} | more)


def summary_of(folder, baseline=None):
    return summarise(folder.name, read_study(folder), baseline)


def test_unfinished_runs_are_listed_and_not_averaged(study):
    assert {run.state for run in study.unfinished} == {"failed", "interrupted"}
    assert all(row.seeds == 3 for row in study.rows)


def test_best_goes_the_right_way(study):
    assert study.best["exact_match"] == {"loss=answer_end"}
    assert study.best["answer_nll"] == {"loss=answer_end"}
    assert study.best["seconds"] == {"loss=all"}
    # the same everywhere, and no direction
    assert study.best["echo_rate"] == study.best["answer_length"] == frozenset()


def test_a_baseline_that_all_cells_share_is_one_row_without_an_interval(study):
    assert [each.row.label for each in study.baselines] == [
        "untouched model",
        "most frequent answer",
        "nearest question",
    ]
    assert all(each.row.estimates["exact_match"].count == 1 for each in study.baselines)


def test_a_baseline_that_differs_is_named_by_what_its_cells_share(tmp_path):
    for loss in ("all", "answer"):
        for model, score in (("small", 0.1), ("large", 0.2)):
            add_run(
                tmp_path / "s",
                loss,
                0,
                cell=model,
                metrics={"test": {"exact_match": 0.5}, "baseline": {"untouched": {"exact_match": score}}},
                status={"choices": {"loss": loss, "model": model}},
            )
    labels = {each.row.label: each.row.estimates["exact_match"].mean for each in summary_of(tmp_path / "s").baselines}
    assert labels == {"untouched model (model=large)": 0.2, "untouched model (model=small)": 0.1}


def test_finding_is_sure_only_where_the_figures_are(study):
    assert "It leads" in finding(study)
    assert "loss=answer_end has the highest exact match" in finding(study)


def test_finding_names_cells_without_the_groups_of_their_settings(tmp_path):
    for number, rate in enumerate((0.1, 0.2)):
        metrics = {"test": {"exact_match": rate}}
        add_run(tmp_path / "s", "all", 0, cell=str(number), metrics=metrics, changes={"optimizer__learning_rate": rate})
    told = finding(summary_of(tmp_path / "s"))
    assert told.startswith("learning_rate=0.2 has the highest exact match")
    assert "learning_rate=0.1 (10.0 " in told


def test_finding_of_cells_that_overlap(tmp_path):
    asked = questions(24)
    for loss in ("balanced", "answer"):
        for seed in range(3):
            add_run(tmp_path / "s", loss, seed, asked=asked)
    assert "do not tell the two apart" in finding(summary_of(tmp_path / "s"))


def test_finding_without_predictions_uses_the_intervals(tmp_path):
    for seed in range(3):
        scored(tmp_path / "s", "all", seed, 0.5 + 0.01 * seed)
        scored(tmp_path / "s", "answer", seed, 0.52 + 0.01 * seed)
    summary = summary_of(tmp_path / "s")
    assert summary.lead is None
    assert "overlaps that of the next" in finding(summary)


def test_finding_of_ties_one_cell_and_nothing(tmp_path):
    for folder, losses, told in (
        ("ties", ("all", "answer"), "nothing tells them apart"),
        ("one", ("all",), "answers 50.0 % of the test questions exactly with one seed. No baseline"),
    ):
        for loss in losses:
            scored(tmp_path / folder, loss, 0, 0.5)
        assert told in finding(summary_of(tmp_path / folder))
    add_run(tmp_path / "none", "all", 0, state="running")
    assert finding(summary_of(tmp_path / "none")) == "There is nothing to compare: no run is done yet."


def test_what_makes_cells_less_comparable_is_told(tmp_path):
    study = tmp_path / "s"
    for seed in (0, 1):
        add_run(study, "all", seed, metrics={"test": {"exact_match": 0.5, "examples": 10}})
    overlap = {"overlap": {"train_test": 4}}
    metrics = {"test": {"exact_match": 0.5, "examples": 12}, "data": overlap}
    add_run(study, "answer", 0, metrics=metrics, status={"data_sha256": "0" * 64, "host": "node2", "code_version": "9"})
    notes = " ".join(summary_of(study).notes)
    for told in (
        "same seeds",
        "same data",
        "numbers of test examples",
        "train and test",
        "2 machines",
        "different code",
    ):
        assert told in notes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model__vocabulary": 512}, True),
        ({"objective": {"_target_": "fsqa.objective.masked.Masked"}}, True),
        ({"model__dtype": "bfloat16"}, False),
    ],
)
def test_figures_per_token_are_not_compared_across_tokenizers(tmp_path, changes, told):
    metrics = {"test": {"exact_match": 0.5, "answer_nll": 1.0}}
    add_run(tmp_path / "s", "all", 0, metrics=metrics)
    add_run(tmp_path / "s", "answer", 0, metrics=metrics, changes=changes)
    assert any("do not share tokenizer" in note for note in summary_of(tmp_path / "s").notes) == told


def test_validation_stands_in_for_a_missing_test_split_and_says_so(tmp_path):
    add_run(
        tmp_path / "s", "all", 0, metrics={"val": {"exact_match": 0.5}, "baseline": {"untouched": {"exact_match": 0.1}}}
    )
    summary = summary_of(tmp_path / "s")
    assert summary.split == "validation"
    assert summary.baselines == ()
    assert "these are of validation" in summary.notes[0]


def test_figures_with_scores_have_an_interval_over_seeds_and_examples(study):
    estimates = study.rows[0].estimates
    assert {name for name, each in estimates.items() if each.examples} == {
        "exact_match",
        "f1",
        "answer_nll",
        "token_accuracy",
        "stop_rate",
    }
    # the mean is that of the runs' own figures
    assert estimates["answer_nll"].mean == math.fsum(estimates["answer_nll"].values) / 3
    assert estimates["seconds"].examples == 0


def test_figures_that_are_not_those_of_the_predictions_are_told(tmp_path):
    for seed in (0, 1):
        scored(tmp_path / "s", "all", seed, 0.5, asked=questions(12))
    summary = summary_of(tmp_path / "s")
    assert summary.rows[0].estimates["exact_match"].examples == 0
    assert "not the means of their runs' predictions" in " ".join(summary.notes)


def test_comparisons_are_a_family(study):
    assert list(study.comparisons) == ["loss=answer", "loss=answer_end", "loss=balanced"]
    for difference in study.comparisons.values():
        assert (difference.seeds, difference.examples) == (3, 24)
        assert difference.p <= difference.adjusted <= min(1.0, 3 * difference.p)
        assert difference.detectable > 0
    assert study.lead_family == 3
    assert study.lead.mean > 0
    assert "after Holm's correction over 3 comparisons" in finding(study)


def test_what_is_not_settled_says_what_could_have_been_seen(tmp_path):
    for loss in ("balanced", "answer"):
        for seed in range(3):
            add_run(tmp_path / "s", loss, seed, asked=questions(24))
    told = finding(summary_of(tmp_path / "s"))
    assert "The smallest difference they would have found four times in five is" in told
    assert "Holm" not in told


def test_seeds_that_one_side_lacks_are_left_out_and_told(tmp_path):
    for loss, seeds in (("all", (0, 1, 2)), ("answer", (1, 2, 3))):
        for seed in seeds:
            add_run(tmp_path / "s", loss, seed, asked=questions(24))
    summary = summary_of(tmp_path / "s")
    assert summary.comparisons["loss=answer"].seeds == 2
    assert "on common seeds alone (loss=answer: 1, 2 without 0, 3)" in " ".join(summary.notes)


def test_examples_that_one_side_lacks_are_left_out_and_told(tmp_path):
    for loss, count in (("all", 24), ("answer", 20)):
        add_run(tmp_path / "s", loss, 0, asked=questions(count))
    summary = summary_of(tmp_path / "s")
    assert summary.comparisons["loss=answer"].examples == 20
    assert "on common test examples alone (loss=answer: 20, 4 left out)" in " ".join(summary.notes)


@pytest.mark.parametrize(
    ("asked", "compared"),
    [
        (questions(24), True),
        (questions(20), False),
        # the same ids for other questions
        ([question | {"question": f"And {question['question']}"} for question in questions(24)], False),
    ],
)
def test_other_data_are_compared_only_on_the_same_test_questions(tmp_path, asked, compared):
    add_run(tmp_path / "s", "all", 0, asked=questions(24))
    add_run(tmp_path / "s", "answer", 0, asked=asked, status={"data_sha256": "0" * 64})
    summary = summary_of(tmp_path / "s")
    assert bool(summary.comparisons) == compared
    assert ("Not compared with loss=all (loss=answer: other test questions)." in summary.notes) != compared


def test_cells_without_a_common_seed_are_not_compared(tmp_path):
    for loss, seed in (("all", 0), ("answer", 1)):
        add_run(tmp_path / "s", loss, seed, asked=questions(24))
    summary = summary_of(tmp_path / "s")
    assert summary.comparisons == {}
    assert "no common seed" in " ".join(summary.notes)


def test_cells_can_be_compared_by_another_metric(study_folder):
    runs = read_study(study_folder)
    summary = summarise("loss", runs, metric="answer_nll")
    assert summary.main == "answer_nll"
    assert summary.ranked[0].label == "loss=answer_end"
    assert summary.comparisons["loss=answer_end"].mean == pytest.approx(NLL["answer_end"] - NLL["all"])
    assert "It leads loss=answer (0.87 ± " in finding(summary)
    assert "by 0.05 nats" in finding(summary)
    with pytest.raises(InputError, match=r"no metric 'answer_nl' .*did you mean 'answer_nll'"):
        summarise("loss", runs, metric="answer_nl")


def test_one_seed_is_marked(tmp_path):
    for loss in ("all", "answer"):
        add_run(tmp_path / "s", loss, 0, asked=questions(24))
    summary = summary_of(tmp_path / "s")
    assert all(row.estimates["exact_match"].of_examples_alone for row in summary.rows)
    assert "over the test examples alone" in " ".join(summary.notes)


def test_pruned_and_broken_runs_are_in_no_average(tmp_path):
    add_run(tmp_path / "s", "all", 0, asked=questions(6))
    add_run(tmp_path / "s", "all", 1, state="pruned")
    (add_run(tmp_path / "s", "answer", 1) / "status.json").write_text("{")
    summary = summary_of(tmp_path / "s")
    assert sorted(run.state for run in summary.unfinished) == ["broken", "pruned"]
    assert [row.seeds for row in summary.rows] == [1]


def test_every_file_of_many_runs_is_read_once(tmp_path, monkeypatch):
    build_sweep(tmp_path / "s", 200, examples=12, points=2)
    read = Counter()
    plain = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, **how: read.update([path]) or plain(path, **how))
    summary = summary_of(tmp_path / "s")
    assert len(summary.rows) == 67
    names = ("status.json", "config.yaml", "metrics.json", "predictions.jsonl")
    assert Counter(path.name for path in read.elements()) == dict.fromkeys(names, 200)


def test_named_baseline(tmp_path, study_folder):
    summary = summary_of(study_folder, "answer")
    assert summary.against == "loss=answer"
    assert set(summary.comparisons) == {"loss=all", "loss=answer_end", "loss=balanced"}
    with pytest.raises(InputError, match="no cell 'anser'"):
        summary_of(study_folder, "anser")
