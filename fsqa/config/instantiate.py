"""The one place where a config becomes objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from fsqa.errors import InputError


def build(node: Mapping[str, Any], **runtime: Any) -> Any:
    """Build the object a checked config node names, with further arguments known only at run time.

    Containers arrive as plain dicts and lists. A node marked ``_partial_`` stays a function of what is missing.
    """
    try:
        # Hydra would turn a dataclass among its arguments into a config; so it gets the config's own values alone.
        make = instantiate({**node, "_partial_": True}, _convert_="all")
    except InstantiationException as error:
        raise InputError(f"{node.get('_target_')}: {str(error).splitlines()[0]}") from error
    return make if node.get("_partial_") else make(**runtime)
