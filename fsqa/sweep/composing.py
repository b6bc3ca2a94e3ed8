"""The configs of many jobs: what they have in common is composed once."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from fsqa.config.check import check_config
from fsqa.config.compose import compose_config, parse
from fsqa.config.devices import refuse_in_sweep
from fsqa.errors import InputError
from fsqa.study.folder import RunFolder


class Composer:
    """Composes and checks the config of each job of a sweep.

    Hydra composes by first choosing files, by the groups that are overridden, and then setting values. Jobs that
    choose the same files share the first step, which takes nearly all the time.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader, self._master = loader, master
        self._chosen: dict[tuple[str, ...], tuple[DictConfig, dict[str, str]]] = {}
        self._groups: dict[str, bool] = {}

    def folder(self, overrides: Sequence[str], name: Sequence[str]) -> RunFolder:
        """Return the run folder of a job; raises InputError, beginning with the job's name, when it cannot work."""
        try:
            cfg, choices = self._compose(overrides)
            config = check_config(cfg)
            refuse_in_sweep(config)
        except InputError as error:
            raise InputError(f"{' '.join(name)}: {error}") from None
        return RunFolder(config, choices)

    def _compose(self, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
        """Return a job's config, without Hydra's own part, and its choices."""
        parsed = parse(overrides)
        values = [each for each in parsed if self._sets_value(each)]
        try:
            shared, choices = self._choose(tuple(str(each.input_line) for each in parsed if each not in values))
            cfg = copy.deepcopy(shared)
            for each in values:
                OmegaConf.update(cfg, each.key_or_group, each.value(), merge=True)
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            compose_config(overrides)  # it says what is wrong with the nearest right name
            raise InputError(" ".join(str(error).split())) from None
        return cfg, choices

    def _choose(self, overrides: tuple[str, ...]) -> tuple[DictConfig, dict[str, str]]:
        """Let Hydra compose what overrides of groups choose, once for all jobs that choose the same."""
        if overrides not in self._chosen:
            cfg = self._loader.load_sweep_config(self._master, list(overrides))
            choices = dict(cfg.hydra.runtime.choices)
            with open_dict(cfg):
                del cfg["hydra"]
            self._chosen[overrides] = cfg, choices
        return self._chosen[overrides]

    def _sets_value(self, override: Override) -> bool:
        """Whether an override only gives a key that is there another value."""
        plain = not (override.is_add() or override.is_force_add() or override.is_delete() or override.package)
        return plain and not self._is_group(override.key_or_group)

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            self._groups[key] = "." not in key and bool(self._loader.get_group_options(key))
        return self._groups[key]
