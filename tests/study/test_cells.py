import pytest

from fsqa.errors import InputError
from fsqa.study.cells import find_cell, group_runs
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run, build_study


def cells_of(study):
    return group_runs(read_study(study))


def test_a_differing_choice_explains_its_settings(tmp_path):
    cells = cells_of(build_study(tmp_path / "s", ["balanced", "all"], seeds=2))
    assert [cell.label for cell in cells] == ["loss=all", "loss=balanced"]
    assert cells[0].seeds == (0, 1)
    # the settings are still there, to be read
    assert cells[0].settings["loss.weights.answer"] == "0.17"


def test_only_done_runs_are_averaged(tmp_path):
    cells = cells_of(build_study(tmp_path / "s", ["all", "answer"], seeds=2))
    assert [run.state for cell in cells for run in cell.runs] == ["done"] * 4
    assert [run.state for cell in cells for run in cell.unfinished] == ["failed", "interrupted"]


def test_who_watches_and_where_it_ran_makes_no_cell_and_no_name(tmp_path):
    for loss, logger in (("all", "none"), ("answer", "wandb")):
        choices = {"loss": loss, "logger": logger, "hydra/launcher": logger}
        changes = {"logger": {logger: {}}, "sweep": {"keep_going": logger == "none"}}
        add_run(tmp_path / "s", loss, 0, status={"choices": choices}, changes=changes)
    assert [cell.label for cell in cells_of(tmp_path / "s")] == ["loss=all", "loss=answer"]


def test_a_setting_without_a_choice_is_named_and_sorted_as_a_number(tmp_path):
    for rate in (0.001, 1e-05, 0.02):
        for seed in (0, 1):
            add_run(tmp_path / "s", "answer", seed, cell=str(rate), changes={"optimizer__learning_rate": rate})
    labels = [cell.label for cell in cells_of(tmp_path / "s")]
    assert labels == ["optimizer.learning_rate=1e-05", "optimizer.learning_rate=0.001", "optimizer.learning_rate=0.02"]


def test_a_setting_that_varies_within_a_choice_is_named_beside_it(tmp_path):
    for loss in ("all", "answer"):
        for smoothing in (0.0, 0.1):
            add_run(tmp_path / "s", loss, 0, cell=str(smoothing), changes={"loss__smoothing": smoothing})
    labels = [cell.label for cell in cells_of(tmp_path / "s")]
    assert labels[0] == "loss=all, loss.smoothing=0.0"
    assert len(set(labels)) == 4


def test_a_setting_of_another_group_is_not_hidden_by_a_choice(tmp_path):
    for loss, rate in (("all", 0.001), ("answer", 0.01)):
        add_run(tmp_path / "s", loss, 0, changes={"optimizer__learning_rate": rate})
    assert cells_of(tmp_path / "s")[1].label == "loss=answer, optimizer.learning_rate=0.01"


def test_what_follows_the_seed_is_not_a_difference(tmp_path):
    # model.seed is the seed; the second cell has one run, in which nothing shows that
    add_run(tmp_path / "s", "all", 0)
    add_run(tmp_path / "s", "all", 1)
    add_run(tmp_path / "s", "answer", 1)
    assert [cell.label for cell in cells_of(tmp_path / "s")] == ["loss=all", "loss=answer"]


def test_copies_of_a_setting_are_named_once(tmp_path):
    for size in (8, 32):
        changes = {"batch_size": size, "dataset__batch_size": size}
        add_run(tmp_path / "s", "answer", 0, cell=str(size), changes=changes)
    cells = cells_of(tmp_path / "s")
    assert [cell.label for cell in cells] == ["batch_size=8", "batch_size=32"]
    assert cells[0].settings == {"batch_size": "8", "dataset.batch_size": "8"}


def test_an_experiment_explains_everything_it_sets(tmp_path):
    for name, loss in (("a", "all"), ("b", "answer")):
        add_run(tmp_path / "s", loss, 0, status={"choices": {"experiment": name, "loss": loss}})
    assert [cell.label for cell in cells_of(tmp_path / "s")] == ["experiment=a", "experiment=b"]


def test_one_cell_is_called_by_its_model(tmp_path):
    add_run(tmp_path / "s", "answer", 0)
    assert cells_of(tmp_path / "s")[0].label == "tiny_gpt_neo"
    add_run(tmp_path / "t", "answer", 0, status={"choices": {}})
    assert cells_of(tmp_path / "t")[0].label == "all runs"


def test_cells_without_a_visible_difference_are_told_apart_by_hash(tmp_path):
    for cell in ("x", "y"):
        add_run(tmp_path / "s", "answer", 0, cell=cell)
    assert [cell.label for cell in cells_of(tmp_path / "s")] == ["#answerx", "#answery"]


def test_a_repeated_seed_counts_once_and_is_told(tmp_path):
    add_run(tmp_path / "s", "answer", 0, status={"started": "2025-01-01"})
    add_run(tmp_path / "t", "answer", 0, status={"started": "2025-01-02"})
    (cell,) = group_runs((*read_study(tmp_path / "s"), *read_study(tmp_path / "t")))
    assert [run.study for run in cell.runs] == ["t"]
    assert "repeat a seed" in cell.notes[0]


def test_one_cell_on_two_data_sets_is_refused(tmp_path):
    add_run(tmp_path / "s", "answer", 0)
    add_run(tmp_path / "s", "answer", 1, status={"data_sha256": "0" * 64})
    with pytest.raises(InputError, match="mixes runs on different data"):
        cells_of(tmp_path / "s")


def test_a_run_that_cannot_be_read_is_in_no_cell(tmp_path):
    for seed in (0, 1):
        run = add_run(tmp_path / "s", "answer", seed)
    (run / "status.json").write_text("{")
    (cell,) = cells_of(tmp_path / "s")
    assert (cell.seeds, cell.unfinished) == ((0,), ())


def test_find_cell(tmp_path):
    for loss in ("all", "answer"):
        for rate in (0.001, 0.01):
            add_run(tmp_path / "s", loss, 0, cell=str(rate), changes={"optimizer__learning_rate": rate})
    cells = cells_of(tmp_path / "s")
    label = "loss=all, optimizer.learning_rate=0.01"
    for name in (label, "loss=all, learning_rate=0.01", "all, 0.01"):
        assert find_cell(cells, name).label == label
    with pytest.raises(InputError, match="fits 2 cells"):
        find_cell(cells, "all")
    with pytest.raises(InputError, match="no cell 'nothing'"):
        find_cell(cells, "nothing")
