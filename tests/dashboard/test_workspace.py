"""The workspace is built and validated by W&B's own package, without a network."""

import json

import pytest

from fsqa.dashboard import workspace
from fsqa.dashboard.spec import Column, ablation
from fsqa.errors import InputError

DASHBOARD = ablation(
    "study", settings=("choices.loss", "optimizer.lr", "seed"), measured=("test/exact_match", "baseline/untouched/f1")
)


@pytest.fixture(scope="module")
def content():
    return workspace.as_json(workspace.build_workspace(DASHBOARD, "team"))


def test_every_panel_is_there_under_its_section(content):
    assert (content["entity"], content["project"], content["displayName"]) == ("team", "study", "study: ablation")
    kept = content["spec"]["section"]["panelBankConfig"]["sections"]
    assert [(section["name"], len(section["panels"])) for section in kept] == [
        (section.name, len(section.panels)) for section in DASHBOARD.sections
    ]


def test_runs_and_panels_are_grouped_by_cell(content):
    spec = content["spec"]["section"]
    (runs,) = spec["runSets"]
    assert runs["grouping"] == [{"section": "run", "name": "group"}]
    panels = [panel for section in spec["panelBankConfig"]["sections"] for panel in section["panels"]]
    kinds = ("Bar Chart", "Run History Line Plot")
    grouped = [panel["config"]["groupBy"] for panel in panels if panel["viewType"] in kinds]
    assert len(grouped) > 20
    assert set(grouped) == {"group"}


def test_settings_are_named_as_wandb_names_config_keys(content):
    text = json.dumps(content)
    for name in ("config:choices.value.loss", "config:optimizer.value.lr", "config:seed.value"):
        assert f'"accessor": "{name}"' in text
    assert workspace.column_of_runs(Column("setting", "optimizer.lr", "")) == "config:optimizer.value.lr"
    assert workspace.column_of_runs(Column("setting", "seed", "")) == "config:seed.value"
    assert workspace.column_of_runs(Column("result", "test/f1", "")) == "summary:test/f1"


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setattr(workspace, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'fsqa\[workspaces\]'"):
        workspace.build_workspace(DASHBOARD, "")
