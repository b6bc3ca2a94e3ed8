"""Which parameters an optimizer treats alike; the optimizers themselves are torch's and others'."""

from fsqa.optimizer.parameter_groups import ParameterGroups

__all__ = ["ParameterGroups"]
