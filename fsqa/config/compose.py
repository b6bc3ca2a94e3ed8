"""Composing configs, with errors that name the nearest right key or option."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

import fsqa
from fsqa.errors import InputError, did_you_mean

HYDRA_GROUP = "hydra"
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def config_folder() -> Path:
    """Return the folder of configs: inside an installed package, beside it in a checkout."""
    package = Path(fsqa.__file__).resolve().parent
    return next(folder for folder in (package / "conf", package.parent / "conf") if (folder / "train.yaml").is_file())


def own_folder() -> Path | None:
    """Return the user's own ``./conf``, whose files stand beside the package's, if there is one."""
    own = Path("conf").resolve()
    return own if own.is_dir() and own != config_folder() else None


def own_option() -> list[str]:
    """Return the option by which Hydra finds the user's own configs, in its help and completion too."""
    own = own_folder()
    return ["--config-dir", str(own)] if own else []


@contextmanager
def searching() -> Iterator[ConfigLoader]:
    """Make the package's configs, and the user's own, the ones that are composed; yield what loads them."""
    with initialize_config_dir(str(config_folder()), version_base="1.3", job_name="fsqa"):
        _replace_stored_launchers()
        yield GlobalHydra.instance().config_loader()


def _replace_stored_launchers() -> None:
    """Let the package's launchers stand for those that plugins have stored under the same names.

    Hydra would take them for the schemas of the files, and warn of that at every step.
    """
    stored = ConfigStore.instance().repo.get(HYDRA_GROUP, {}).get("launcher", {})
    for path in (config_folder() / HYDRA_GROUP / "launcher").glob("*.yaml"):
        stored.pop(path.name, None)


def compose_config(overrides: Sequence[str], name: str = "train", with_hydra: bool = False) -> DictConfig:
    """Compose ``conf/<name>.yaml`` with overrides; what cannot be composed is one clear InputError."""
    parsed = parse(overrides)
    with searching():
        _check_sweeps(parsed)
        try:
            words = [*_own_searchpath(), *filter(None, map(first_choice, parsed))]
            return compose(name, words, return_hydra_config=with_hydra)
        except COMPOSITION_ERRORS as error:
            _check_overrides(parsed, name)
            raise InputError(f"config: {_one_line(error)}") from None


def compose_one(overrides: Sequence[str], name: str = "train") -> DictConfig:
    """Compose as :func:`compose_config` does, and refuse sweeps."""
    refuse_sweeps(parse(overrides), "one is wanted here")
    return compose_config(overrides, name)


def changed(cfg: DictConfig, overrides: Sequence[Override]) -> DictConfig:
    """Return a composed config with the values of some of its own keys replaced; it has no other keys to offer."""
    result = copy.deepcopy(cfg)
    for override in overrides:
        if override.is_add() or override.is_force_add() or override.is_delete():
            raise InputError(f"override: '{override.input_line}' adds or deletes a key; only values can change here")
        _check_key(override, cfg, {})
        OmegaConf.update(result, override.key_or_group, override.value())
    return result


def parse(overrides: Sequence[str]) -> list[Override]:
    """Parse override words; a malformed one is an InputError."""
    return [_parse_one(word) for word in overrides]


def _parse_one(word: str) -> Override:
    try:
        (parsed,) = OverridesParser.create().parse_overrides([word])
    except HydraException as error:
        reason = "" if "=" not in word else f" ({_one_line(error)})"
        raise InputError(
            f"override: '{word}' cannot be read{reason}; write key=value, or key=a,b,c with -m for a sweep"
        ) from None
    if not parsed.key_or_group:
        raise InputError(f"override: '{word}' names no key; write key=value")
    return parsed


def refuse_sweeps(parsed: Sequence[Override], advice: str) -> None:
    """Raise InputError for the first override with several values."""
    for override in parsed:
        if override.is_sweep_override():
            raise InputError(f"'{override.input_line}' is a sweep over several values; {advice}")


def first_choice(override: Override) -> str:
    """Return an override with a sweep replaced by its first choice."""
    if not override.is_sweep_override():
        return override.input_line or ""
    head = (override.input_line or "").split("=", 1)[0]
    choices = _choices(override)
    return f"{head}={choices[0]}" if choices else ""


def _choices(override: Override) -> list[str]:
    """List the values of a sweep as override text; a continuous sweep has none to list."""
    if not override.is_discrete_sweep():
        return []
    return [str(choice) for choice in override.sweep_string_iterator()]


def _own_searchpath() -> list[str]:
    own = own_folder()
    return [f"hydra.searchpath=[file://{own}]"] if own else []


def _check_sweeps(parsed: list[Override]) -> None:
    """Check every option of a sweep over a group: composing meets only the first."""
    sweeps = [override for override in parsed if override.is_sweep_override()]
    groups = _groups() if sweeps else {}
    for override in sweeps:
        if _is_group(override, groups):
            _check_option(override, groups)


def _check_overrides(parsed: list[Override], name: str) -> None:
    """Find the override that does not fit, and say so with the nearest right name; return if none is to blame."""
    groups = _groups()
    chosen = [*_own_searchpath()]
    for override in parsed:
        if override.key_or_group == "quantization" and name == "train":
            raise InputError(
                "quantization: fsqa train has no such choice; train over weights in fewer bits with tuning=qlora, or "
                f"score a finished run so: fsqa evaluate RUN {override.input_line}"
            )
        if _is_group(override, groups):
            _check_option(override, groups)
            chosen.append(first_choice(override))
    try:
        base = compose(name, chosen, return_hydra_config=True)
    except COMPOSITION_ERRORS as error:
        raise InputError(f"config: {_one_line(error)}") from None
    for override in parsed:
        if not _is_group(override, groups) and not override.is_add() and not override.is_force_add():
            _check_key(override, base, groups)


def _is_group(override: Override, groups: dict[str, list[str]]) -> bool:
    return override.key_or_group in groups


def _groups() -> dict[str, list[str]]:
    """Map every config group to its options, the user's own included."""
    loader = GlobalHydra.instance().config_loader()
    groups = {group: loader.get_group_options(group) for group in loader.list_groups("") if group != HYDRA_GROUP}
    hydra_groups = {
        f"{HYDRA_GROUP}/{g}": loader.get_group_options(f"{HYDRA_GROUP}/{g}") for g in loader.list_groups(HYDRA_GROUP)
    }
    groups |= hydra_groups
    own = own_folder()
    for path in sorted(own.glob("*/*.yaml")) if own else []:
        groups[path.parent.name] = sorted({*groups.get(path.parent.name, []), path.stem})
    return groups


def _check_option(override: Override, groups: dict[str, list[str]]) -> None:
    group, options = override.key_or_group, groups[override.key_or_group]
    if override.is_delete():
        return
    wanted = _choices(override) if override.is_sweep_override() else [override.value()]
    for option in wanted:
        for one in option if isinstance(option, list) else [option]:
            if one is None:
                raise InputError(
                    f"{group}=null: choose one of {', '.join(sorted(options))}, or leave it out with ~{group}"
                )
            if str(one) not in options:
                raise InputError(
                    f"{group}={one}: there is no such {group}{did_you_mean(str(one), options)}; "
                    f"the options are {', '.join(sorted(options))}"
                )


def _check_key(override: Override, base: DictConfig, groups: dict[str, list[str]]) -> None:
    key = override.key_or_group
    if OmegaConf.select(base, key, throw_on_missing=False) is not None:
        return
    *path, last = key.split(".")
    parent: Any = base
    for depth, part in enumerate(path):
        if not _has(parent, part):
            _no_such_key(key, part, parent, [*groups] if depth == 0 else [], path[:depth])
        parent = parent._get_node(part) if OmegaConf.is_missing(parent, part) else parent[part]
    if parent is None:
        raise InputError(
            f"{key}: {'.'.join(path)} is empty here, so it has no keys; choose another option of {path[0]}"
        )
    if _has(parent, last):
        return
    if not OmegaConf.is_dict(parent):
        others = [f"{name!s}.{last}" for name, node in base.items() if _has(node, last)]
        raise InputError(
            f"{key}: {'.'.join(path)} is a single value and has no keys"
            f"{f'; did you mean {others[0]!r}?' if others else ''}"
        )
    if _is_free(parent):
        raise InputError(f"{key}: no such key yet; to add one to {'.'.join(path)} write +{key}=...")
    _no_such_key(key, last, parent, [*groups] if not path else [], path)


def _has(parent: Any, key: str) -> bool:
    """Say whether a node has a key, one whose value is still missing included."""
    return OmegaConf.is_dict(parent) and key in parent.keys()  # noqa: SIM118  # `in` leaves out what is missing


def _is_free(parent: Any) -> bool:
    """Say whether a node is a plain mapping that takes any key, like model.size."""
    return OmegaConf.is_dict(parent) and "_target_" not in parent and len(parent) == 0


def _no_such_key(key: str, part: str, parent: Any, more: list[str], path: list[str]) -> None:
    hidden = ("_",) if path else ("_", HYDRA_GROUP)
    known = [str(name) for name in parent if not str(name).startswith(hidden)] if OmegaConf.is_dict(parent) else []
    where = ".".join(path)
    deeper = [".".join([*path, name, part]) for name in known if _has(parent._get_node(name), part)]
    near = f"; did you mean '{deeper[0]}'?" if deeper else did_you_mean(part, {*known, *more} - {HYDRA_GROUP})
    whole = f"the keys of {where} are" if where else "the keys are"
    kept = (
        f"{whole} {', '.join(sorted(known))}" if known else f"{where} has none as it is chosen here, another option may"
    )
    raise InputError(f"{key}: there is no key '{part}'{f' in {where}' if where else ''}{near}; {kept}")


def _one_line(error: Exception) -> str:
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Error parsing override", "See https://"))]
    return "; ".join(told[:3]) if told else type(error).__name__
