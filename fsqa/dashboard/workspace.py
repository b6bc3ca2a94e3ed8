"""The page of a study as a workspace of W&B: built and checked without a network, saved with one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import singledispatch
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fsqa.dashboard import spec
from fsqa.errors import InputError
from fsqa.study.cells import Cell
from fsqa.study.runs import Measures

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Workspace

GROUP = "Group"
"""What W&B calls the field that a run's cell is kept in."""
SHOWN_RUNS = 100
SHOWN_BARS = 60


def study_dashboard(study: str, cells: Sequence[Cell]) -> spec.Dashboard:
    """Return the page of a study from its cells."""
    runs = [run for cell in cells for run in cell.runs]
    keys = dict.fromkeys(key for cell in cells for key in cell.parts)
    return spec.ablation(
        study,
        settings=[key if "." in key or key not in _choices(cells) else f"choices.{key}" for key in keys],
        measured={name for run in runs for name in _measured(run.measures)},
    )


def build_workspace(dashboard: spec.Dashboard, entity: str) -> Workspace:
    """Build the workspace that shows a page; what W&B does not take fails here, without a network."""
    if find_spec("wandb_workspaces") is None:
        raise InputError("fsqa wandb workspace: the package is missing; pip install 'fsqa[workspaces]'")
    from wandb_workspaces import expr, workspaces

    return workspaces.Workspace(
        entity=entity,
        project=dashboard.project,
        name=dashboard.name,
        sections=[
            workspaces.Section(
                name=section.name, panels=[panel(each) for each in section.panels], is_open=section.is_open
            )
            for section in dashboard.sections
        ],
        settings=workspaces.WorkspaceSettings(max_runs=SHOWN_RUNS),
        runset_settings=workspaces.RunsetSettings(
            groupby=[expr.Metric(GROUP)],
            pinned_columns=["run:displayName", *(column_of_runs(column) for column in dashboard.columns)],
        ),
    )


def column_of_runs(column: spec.Column) -> str:
    """Return a column as W&B's list of runs knows it: a config key has ``.value`` after its first part."""
    if column.kind == "result":
        return f"summary:{column.name}"
    first, dot, rest = column.name.partition(".")
    return f"config:{first}.value{dot}{rest}"


def as_json(workspace: Workspace) -> dict[str, Any]:
    """Return a workspace as W&B keeps it."""
    content: dict[str, Any] = json.loads(workspace._to_model().model_dump_json(by_alias=True, exclude_none=True))
    return content


def _measured(measures: Measures) -> Iterator[str]:
    """Yield what a logger calls the results of a run."""
    yield from (f"test/{name}" for name in measures.test)
    for baseline, figures in measures.baselines.items():
        yield from (f"baseline/{baseline}/{name}" for name in figures)


def _choices(cells: Sequence[Cell]) -> set[str]:
    return {group for cell in cells for run in cell.runs for group in run.choices}


@singledispatch
def panel(shown: spec.Panel) -> Any:
    """Return a panel as W&B has it."""
    raise TypeError(f"no panel for {type(shown).__name__}")


@panel.register
def _(shown: spec.Text) -> Any:
    from wandb_workspaces.reports import v2 as panels

    return panels.MarkdownPanel(markdown=shown.markdown)


@panel.register
def _(shown: spec.Bars) -> Any:
    from wandb_workspaces.reports import v2 as panels

    return panels.BarPlot(
        title=shown.title,
        metrics=[panels.SummaryMetric(metric) for metric in shown.metrics],
        line_titles=dict(zip(shown.metrics, shown.names, strict=True)),
        groupby=panels.Metric(GROUP),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
        max_bars_to_show=SHOWN_BARS,
    )


@panel.register
def _(shown: spec.Curves) -> Any:
    from wandb_workspaces.reports import v2 as panels

    return panels.LinePlot(
        title=shown.title,
        x=shown.axis,
        y=list(shown.metrics),
        title_x=shown.axis_title,
        groupby=panels.Metric(GROUP),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
        max_runs_to_show=SHOWN_RUNS,
    )


@panel.register
def _(shown: spec.Scatter) -> Any:
    from wandb_workspaces.reports import v2 as panels

    x, y = panels.SummaryMetric(shown.x), panels.SummaryMetric(shown.y)
    return panels.ScatterPlot(title=shown.title, x=x, y=y, log_x=shown.log_x)


@panel.register
def _(shown: spec.Parallel) -> Any:
    from wandb_workspaces.reports import v2 as panels

    kinds = {"setting": panels.Config, "result": panels.SummaryMetric}
    return panels.ParallelCoordinatesPlot(
        title=shown.title,
        columns=[
            panels.ParallelCoordinatesPlotColumn(metric=kinds[column.kind](column.name), display_name=column.title)
            for column in shown.columns
        ],
    )


@panel.register
def _(shown: spec.Importance) -> Any:
    from wandb_workspaces.reports import v2 as panels

    return panels.ParameterImportancePlot(with_respect_to=shown.metric)


@panel.register
def _(shown: spec.AnswerTable) -> Any:
    from wandb_workspaces.reports import v2 as panels

    return panels.WeavePanelSummaryTable(table_name=shown.name)


@panel.register
def _(_: spec.Differences) -> Any:
    from wandb_workspaces.reports import v2 as panels

    return panels.RunComparer(diff_only=True)
