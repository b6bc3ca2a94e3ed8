import pytest

from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import build_study


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory):
    return build_study(tmp_path_factory.mktemp("outputs") / "loss")


@pytest.fixture(scope="session")
def study(study_folder):
    return summarise("loss", read_study(study_folder))
