"""``fsqa wandb``: what is sent and what is not, and the page that is written without a key."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.commands.lines import call, refusal
from tests.report.fake_study import build_study


@pytest.fixture(autouse=True)
def no_key(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))


@pytest.fixture
def kept(tmp_path) -> Path:
    """A study whose first run was started twice, whose second was sent, and whose third was killed at once."""
    study = tmp_path / "outputs" / "study"
    for run, parts in (("a", ("1-ida", "2-ida")), ("b", ("1-idb",)), ("c", ("1-idc",))):
        (study / run).mkdir(parents=True)
        (study / run / "status.json").write_text("{}")
        for part in parts:
            folder = study / run / "wandb" / f"offline-run-{part}"
            folder.mkdir(parents=True)
            (folder / f"run-{part[2:]}.wandb").write_bytes(bytes(7 if run == "c" else 100))
    (study / "b" / "wandb" / "offline-run-1-idb" / "run-idb.wandb.synced").touch()
    return study


def test_a_dry_run_lists_what_is_left(kept):
    outcome = call("wandb", "sync", kept, "--dry-run")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        str(kept / "a/wandb/offline-run-1-ida"),
        str(kept / "a/wandb/offline-run-2-ida"),
        "would send 1 of 2 runs, 2 parts",
    ]


def test_what_is_left_goes_to_wandb_sync_in_the_order_of_its_start(kept, monkeypatch):
    commands = []

    def sends_the_first(command, **_):
        commands.append(command)
        (file,) = Path(command[-2]).glob("*.wandb")
        file.with_name(f"{file.name}.synced").touch()

    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setattr(subprocess, "run", sends_the_first)
    outcome = call("wandb", "sync", kept, "--entity", "team")
    assert commands[0][1:] == [
        "-m", "wandb", "sync", "--entity", "team", *(str(kept / f"a/wandb/offline-run-{i}-ida") for i in (1, 2)),
    ]  # fmt: skip
    assert (outcome.code, outcome.out) == (1, "sent 1 of 2 parts of 1 runs\n")
    (kept / "a/wandb/offline-run-2-ida/run-ida.wandb.synced").touch()
    assert call("wandb", "sync", kept).out == "all 2 runs were sent before\n"


def test_bad_input(kept, tmp_path):
    assert refusal(call("wandb", "sync", kept)) == (
        "fsqa wandb sync: there is no key for W&B; run wandb login, or set WANDB_API_KEY"
    )
    (tmp_path / "empty").mkdir()
    assert "no run of it was logged to W&B offline; train with logger=wandb" in refusal(
        call("wandb", "sync", tmp_path / "empty")
    )
    assert "did you mean 'study'?" in refusal(call("wandb", "sync", kept.parent / "stady"))
    assert "did you mean 'sync'?" in refusal(call("wandb", "synk", kept))
    assert "did you mean '--dry-run'?" in refusal(call("wandb", "sync", kept, "--dryrun"))


def test_help():
    outcome = call("wandb")
    assert outcome.code == 0
    assert "workspace  make the page" in outcome.out


def test_the_page_is_written_and_without_a_key_not_saved(tmp_path):
    study = build_study(tmp_path / "outputs" / "loss")
    outcome = call("wandb", "workspace", study)
    assert outcome.code == 0, outcome.err
    wrote, told = outcome.out.splitlines()
    assert wrote.startswith(f"wrote {study}/report/workspace.json: ")
    assert told == "not saved in W&B: there is no key; run wandb login or set WANDB_API_KEY, and type this again"
    content = json.loads((study / "report/workspace.json").read_text(encoding="utf-8"))
    assert content["project"] == "loss"
    assert "summary_metrics.baseline/nearest_question/exact_match" in json.dumps(content)
    assert '"config:choices.value.loss"' in json.dumps(content)


def test_the_page_is_saved_with_a_key(tmp_path, monkeypatch):
    from wandb_workspaces.workspaces import Workspace

    saved = []
    monkeypatch.setattr(Workspace, "save", lambda page: saved.append(page))
    monkeypatch.setattr(Workspace, "url", "https://wandb.example/page")
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    outcome = call("wandb", "workspace", build_study(tmp_path / "loss"), "--entity", "team")
    assert outcome.out.splitlines()[-1] == "saved https://wandb.example/page"
    assert [page.entity for page in saved] == ["team"]
