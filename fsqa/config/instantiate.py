"""The one place where a config becomes objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from fsqa.errors import InputError

OWN = "fsqa."
REFUSALS = ("MisconfigurationException",)
"""Errors by which a library says that its settings are wrong, by name, so that it need not be imported to be told."""


def build(node: Mapping[str, Any], **runtime: Any) -> Any:
    """Build the object a checked config node names, with further arguments known only at run time.

    Containers arrive as plain dicts and lists. A node marked ``_partial_`` stays a function of what is missing.
    """
    target = str(node.get("_target_"))
    try:
        # Hydra would turn a dataclass among its arguments into a config; so it gets the config's own values alone.
        make = instantiate({**node, "_partial_": True}, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):  # of a node within this one
            place = str(error).rpartition("full_key: ")[2]
            raise InputError(re.sub(r"^dataset(?=[.:])", f"dataset.{place}", str(error.__cause__))) from None
        told = str(error).split(", set env var HYDRA_FULL_ERROR")[0]
        raise InputError(f"{target}: {' '.join(told.split())}") from error
    make = make if target.startswith(OWN) else partial(_refusable, target, make)
    return make if node.get("_partial_") else make(**runtime)


def _refusable(target: str, make: Callable[..., Any], *given: Any, **runtime: Any) -> Any:
    """Call somebody else's class: what it refuses about the config's values is the user's to mend."""
    try:
        return make(*given, **runtime)
    except Exception as error:
        if not isinstance(error, TypeError | ValueError) and type(error).__name__ not in REFUSALS:
            raise
        raise InputError(f"{target} refuses these settings: {' '.join(str(error).split())}") from error
