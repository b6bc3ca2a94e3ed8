"""Loading Lightning and transformers without what they would load for functions that no run calls."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

UNUSED = ("matplotlib", "scipy")
"""Packages that torchmetrics loads where they are installed: to draw its figures, and to mend SciPy for others."""


def load_libraries() -> None:
    """Load Lightning and transformers while both take unused packages for absent, which saves a sixth of the time.

    Afterwards torchmetrics lacks ``plot()``, matches three and more speakers the slow way, and transformers lacks the
    losses of object detection. Whatever else imports the packages finds them. Does nothing to what is loaded already.
    """
    with _unused_for_torchmetrics():
        import_module("torchmetrics")
    import_module("pytorch_lightning")
    with _unused_for_losses(), suppress(ModuleNotFoundError):  # it may move; it then loads with the first model
        import_module("transformers.loss.loss_utils")


@contextmanager
def uncollected() -> Iterator[None]:
    """Search for no garbage while the libraries load, and leave what there is then out of every later search.

    Loading makes half a million objects that stay; walking through them again and again takes a tenth of its time.
    Does nothing where the libraries are loaded: what earlier runs of a process left behind is still to be found.
    """
    if "pytorch_lightning" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def _unused_for_torchmetrics() -> Iterator[None]:
    """Let the functions by which torchmetrics looks for packages find all but the unused."""
    if "torchmetrics" in sys.modules:
        yield
        return
    from lightning_utilities.core import imports

    known: Any = imports
    requirement, is_available = imports.RequirementCache, imports.package_available

    class Requirement(requirement):  # type: ignore[misc, valid-type]
        """A requirement that an unused package does not meet."""

        def __bool__(self) -> bool:
            return self.requirement not in UNUSED and super().__bool__()

    known.RequirementCache = Requirement
    known.package_available = lambda name: name not in UNUSED and is_available(name)
    try:
        yield
    finally:
        known.RequirementCache, known.package_available = requirement, is_available


@contextmanager
def _unused_for_losses() -> Iterator[None]:
    """Let transformers load its losses, those of every kind of model at once, without SciPy."""
    utilities: Any = import_module("transformers.utils")
    is_available = utilities.is_scipy_available
    utilities.is_scipy_available = lambda: False
    try:
        yield
    finally:
        utilities.is_scipy_available = is_available
