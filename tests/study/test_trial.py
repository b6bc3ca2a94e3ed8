"""What a run knows of the trial it belongs to; how trials are judged is shown by the searches of tests/sweep."""

import pytest

from fsqa.errors import InputError
from fsqa.study.trial import Reporting


def test_a_search_tells_its_runs_about_itself(tmp_path):
    reporting = Reporting(
        storage="sqlite:///x.db",
        study="search",
        metric="val/f1",
        pruner="median",
        pruner_options={"n_startup_trials": 2},
        seeds=(0, 3),
    )
    reporting.write(tmp_path)
    assert Reporting.read(tmp_path) == reporting


def test_a_trial_without_a_search(tmp_path):
    with pytest.raises(InputError, match=r"sweep.trial: there is no search in .*leave it at null"):
        Reporting.read(tmp_path)
