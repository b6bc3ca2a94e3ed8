"""A single run goes past Hydra's own start, and is to be what Hydra would have made of it."""

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback

import fsqa.commands.train
import fsqa.train
from tests.commands.lines import call

seen: list[str] = []


class Notes(Callback):
    """Notes when Hydra calls it."""

    def on_run_start(self, config, **kwargs):
        seen.append(f"run starts, {config.hydra.mode.name}")

    def on_job_start(self, config, **kwargs):
        seen.append("job starts")

    def on_job_end(self, config, job_return, **kwargs):
        seen.append(f"job ends, {job_return.status.name}")

    def on_run_end(self, config, **kwargs):
        seen.append("run ends")


@pytest.fixture(autouse=True)
def untold(monkeypatch):
    """There is no result to tell of, as nothing is trained here."""
    monkeypatch.setattr(fsqa.commands.train, "tell", lambda *told: None)


def test_the_config_is_composed_once(monkeypatch, tmp_path):
    composed, trained = [], []
    load = ConfigLoaderImpl.load_configuration

    def counted(self, *given, **named):
        composed.append(named)
        return load(self, *given, **named)

    def noted(folder):
        trained.append((folder.config["seed"], folder.choices["loss"], HydraConfig.get().runtime.output_dir))

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    monkeypatch.setattr(fsqa.train, "train", noted)
    monkeypatch.chdir(tmp_path)
    assert call("train", "loss=answer", "seed=7").code == 0
    assert trained == [(7, "answer", str(tmp_path))]
    assert len(composed) == 1


def test_hydras_callbacks_and_settings_hold(monkeypatch, tmp_path):
    """Of those, here: its callbacks, and a copy of the config where one is asked for."""
    seen.clear()
    monkeypatch.setattr(fsqa.train, "train", lambda folder: None)
    monkeypatch.chdir(tmp_path)
    named = f"+hydra.callbacks.notes._target_={__name__}.Notes"
    assert call("train", "seed=7", named, "hydra.output_subdir=hydra").code == 0
    assert seen == ["run starts, RUN", "job starts", "job ends, COMPLETED", "run ends"]
    assert "seed: 7" in (tmp_path / "hydra/config.yaml").read_text()
    assert "- seed=7" in (tmp_path / "hydra/overrides.yaml").read_text()


def test_a_refused_config_trains_nothing(monkeypatch):
    trained: list[object] = []
    monkeypatch.setattr(fsqa.train, "train", trained.append)
    outcome = call("train", "batch_size=many")
    assert (outcome.code, trained) == (2, [])
    assert outcome.err.startswith("fsqa: batch_size: wanted a whole number")


def test_an_error_beside_the_run_is_raised(monkeypatch):
    def failing(*told):
        raise ZeroDivisionError

    monkeypatch.setattr(fsqa.train, "train", lambda folder: None)
    monkeypatch.setattr(fsqa.commands.train, "tell", failing)
    with pytest.raises(ZeroDivisionError):
        call("train")
