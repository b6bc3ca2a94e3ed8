"""Plots of a study: each is a matplotlib figure, which a notebook shows as it is and a report writes to a file."""

from fsqa.report.plots.bars import overview
from fsqa.report.plots.frame import Plot
from fsqa.report.plots.lines import curves
from fsqa.report.plots.reliability import reliability
from fsqa.report.plots.scatter import cost
from fsqa.report.plots.settings import effects, heat_map
from fsqa.report.plots.stacks import masks

__all__ = ["Plot", "cost", "curves", "effects", "heat_map", "masks", "overview", "reliability"]
