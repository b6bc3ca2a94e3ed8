"""The environment variables by which W&B is told where its files go, set for a while and given back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import urlsplit

from fsqa.errors import InputError

QUIET: Mapping[str, str] = {"WANDB_SILENT": "true"}
PREFIX = "WANDB_"
KEYS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")


class WandbEnvironment:
    """All variables of W&B: changed by :meth:`take`, and as they were after :meth:`restore`."""

    def __init__(self, changes: Mapping[str, str]) -> None:
        self._changes = changes
        self._before: dict[str, str] | None = None

    def take(self) -> None:
        """Set the changes; W&B may set more by itself."""
        self._before = _variables()
        os.environ |= self._changes

    def restore(self) -> None:
        """Put everything back; a second time does nothing."""
        if self._before is None:
            return
        for name in _variables():
            del os.environ[name]
        os.environ |= self._before
        self._before = None


def inside(folder: Path, *, offline: bool) -> WandbEnvironment:
    """Return the environment in which W&B keeps what it stages, caches and logs in a folder, and says nothing."""
    place = folder.absolute()
    changes = {"WANDB_DATA_DIR": f"{place}", "WANDB_ARTIFACT_DIR": f"{place}/artifacts"}
    changes |= {"WANDB_CACHE_DIR": f"{place}/cache", **QUIET}
    return WandbEnvironment(changes | ({"WANDB_ERROR_REPORTING": "false"} if offline else {}))


@contextmanager
def quiet() -> Iterator[None]:
    """Have W&B say nothing meanwhile."""
    environment = WandbEnvironment(QUIET)
    environment.take()
    try:
        yield
    finally:
        environment.restore()


def has_key() -> bool:
    """Whether a key for W&B is kept where ``wandb login`` puts it or the environment names one; nothing is sent."""
    if any(os.environ.get(name) for name in KEYS):
        return True
    with quiet():
        import wandb

        return _in_netrc(urlsplit(wandb.setup().settings.base_url).hostname or "")


def check_key() -> None:
    """Raise InputError where a run is to be sent as it goes, and there is no key to send it with."""
    if not has_key():
        raise InputError(
            "logger.wandb.mode=online: there is no key for W&B; run wandb login, set WANDB_API_KEY, or leave "
            "mode=offline and send the runs later with fsqa wandb sync"
        )


def _in_netrc(host: str) -> bool:
    try:
        return netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
