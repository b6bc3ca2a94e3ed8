import pytest

from tests.commands.lines import call, train


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A finished run that no test changes."""
    return train(tmp_path_factory.mktemp("finished") / "outputs")


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A study of two finished runs."""
    outputs = tmp_path_factory.mktemp("study") / "outputs"
    for seed in (0, 1):
        train(outputs, f"seed={seed}", "study=two")
    return outputs / "two"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command starts in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command():
    return call
