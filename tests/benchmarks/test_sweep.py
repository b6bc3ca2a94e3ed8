import pytest

from benchmarks import sweep
from benchmarks.processes import Cost
from fsqa.errors import InputError


def test_the_table_compares_a_study_with_single_starts():
    study, alone, steps = sweep.table([Cost(24, 12)], [Cost(120, 60)], [0.5, 0.5, 0.7])
    assert (study["wall s a run"], alone["wall s a run"], alone["CPU s a run"]) == (2, 10, 5)
    assert (study["x of the study's wall"], alone["x of the study's wall"]) == (1, 5)
    assert steps["wall s"] == 6
    assert steps["x of the study's wall"] == 0.25


def test_a_run_that_did_not_finish_is_told(tmp_path):
    with pytest.raises(InputError, match="wanted 12 finished runs, found 0"):
        sweep._step_seconds(tmp_path)
