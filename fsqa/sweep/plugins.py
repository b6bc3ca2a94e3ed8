"""fsqa's sweepers under the names by which Hydra finds plugins."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from fsqa.errors import InputError

PREFIX = "hydra_plugins.fsqa."
"""Hydra takes plugins from packages below ``hydra_plugins`` alone; ours are put there by name, not by place."""

SWEEPERS = {
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper": "fsqa.sweep.grid.GridSweeper",
    f"{PREFIX}GridSweeper": "fsqa.sweep.grid.GridSweeper",
    f"{PREFIX}OptunaSweeper": "fsqa.sweep.optuna.OptunaSweeper",
}
"""Our classes, by the ``_target_`` of their configs.

Hydra's own default is taken over, because an override of it in ``conf/train.yaml`` would win over any experiment's.
"""


EXTRAS = {"hydra_joblib_launcher": "sweep", "hydra_submitit_launcher": "sweep", "hydra_ray_launcher": "ray"}
"""What to install for each of the packages that launchers come from."""


def register(target: str) -> None:
    """Make a sweeper known to Hydra; a target that is none of ours is left to Hydra."""
    from hydra.core.plugins import Plugins

    if target in SWEEPERS:
        module, _, name = SWEEPERS[target].rpartition(".")
        Plugins.instance().class_name_to_class[target] = getattr(import_module(module), name)


def check_launcher(target: str) -> None:
    """Raise InputError for a launcher whose package is not installed."""
    top, _, rest = target.partition(".")
    package = rest.split(".")[0]
    if package in EXTRAS and (find_spec(top) is None or find_spec(f"{top}.{package}") is None):
        raise InputError(
            f"hydra/launcher: the package {package.replace('_', '-')} is missing; pip install 'fsqa[{EXTRAS[package]}]'"
        )
