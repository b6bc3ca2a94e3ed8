import pytest

from tests.commands.lines import read_lines, train
from tests.export.runs import LEARNED


@pytest.fixture(scope="session")
def full_run(tmp_path_factory):
    """A finished run that was tuned whole; no test changes it."""
    return train(tmp_path_factory.mktemp("full") / "outputs", *LEARNED)


@pytest.fixture(scope="session")
def lora_run(tmp_path_factory):
    """A finished run with an adapter beside a random base; no test changes it."""
    return train(tmp_path_factory.mktemp("lora") / "outputs", "tuning=lora", "tuning.targets=all-linear", *LEARNED)


@pytest.fixture(params=["full_run", "lora_run"])
def run(request):
    """Either of them."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def predictions(run):
    return read_lines(run / "predictions.jsonl")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command starts in an empty folder."""
    monkeypatch.chdir(tmp_path)
