"""Cells: runs that differ by their seed alone, named by what tells them from the other cells."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fsqa.errors import InputError, did_you_mean
from fsqa.study.folder import NOT_IDENTITY
from fsqa.study.runs import Run

_NOT_COMPARED = ("seed", *NOT_IDENTITY)
_EXPERIMENT = "experiment"


@dataclass(frozen=True, slots=True)
class Cell:
    """Runs with one config and different seeds."""

    label: str
    parts: Mapping[str, str]
    """What the label is made of: differing choices and the config values no choice explains."""
    settings: Mapping[str, str]
    """Every config value that differs between the cells of the study; a value the cell lacks is left out."""
    runs: tuple[Run, ...]
    """Done runs, by seed: the only ones that are averaged."""
    unfinished: tuple[Run, ...]
    notes: tuple[str, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the done runs, ascending."""
        return tuple(run.seed for run in self.runs)


def group_runs(runs: Sequence[Run]) -> tuple[Cell, ...]:
    """Return the cells of ``runs``, in the order of their differing values; a run that cannot be read is in none.

    Raises ``InputError`` when the done runs of one cell saw different data.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.cell_hash:
            groups.setdefault(run.cell_hash, []).append(run)
    choices = [_choices(group) for group in groups.values()]
    settings = _differing(_settings(list(groups.values())))
    parts = _parts(choices, settings)
    labels = _labels(parts, list(groups), choices)
    cells = [
        _cell(label, cell_parts, cell_settings, group)
        for label, cell_parts, cell_settings, group in zip(labels, parts, settings, groups.values(), strict=True)
    ]
    return tuple(sorted(cells, key=_order))


def find_cell(cells: Sequence[Cell], name: str) -> Cell:
    """Return the cell called ``name``: its whole label, or parts of it that only this cell has.

    A part is ``loss=answer``, ``learning_rate=0.001`` for ``optimizer.learning_rate=0.001``, or a bare ``answer``.
    Raises ``InputError`` when no cell or several cells answer to the name.
    """
    for cell in cells:
        if cell.label == name:
            return cell
    pieces = [piece.strip() for piece in name.split(",")]
    found = [cell for cell in cells if all(_has(cell, piece) for piece in pieces)]
    labels = [cell.label for cell in cells]
    if not found:
        raise InputError(f"no cell '{name}'; the cells are: {'; '.join(labels)}{did_you_mean(name, labels)}")
    if len(found) > 1:
        raise InputError(f"'{name}' fits {len(found)} cells; say which: {'; '.join(cell.label for cell in found)}")
    return found[0]


def _has(cell: Cell, piece: str) -> bool:
    key, equals, value = piece.rpartition("=")
    return any(
        own == value and (not equals or path == key or path.endswith(f".{key}")) for path, own in cell.parts.items()
    )


def _cell(label: str, parts: Mapping[str, str], settings: Mapping[str, str], group: Sequence[Run]) -> Cell:
    done = [run for run in group if run.state == "done"]
    hashes = sorted({run.data_sha256 for run in done})
    if len(hashes) > 1:
        names = ", ".join(f"{value[:12] or 'none'}" for value in hashes)
        raise InputError(f"cell '{label}' mixes runs on different data (data_sha256 {names}): report them apart")
    # of two runs with one seed the later counts: a seed twice would be taken for two draws
    by_seed = {run.seed: run for run in sorted(done, key=lambda run: (run.started, run.name))}
    notes = (
        (f"{len(done) - len(by_seed)} run(s) repeat a seed; the latest run of each seed counts",)
        if len(done) > len(by_seed)
        else ()
    )
    return Cell(
        label=label,
        parts=parts,
        settings=settings,
        runs=tuple(by_seed[seed] for seed in sorted(by_seed)),
        unfinished=tuple(run for run in group if run.state != "done"),
        notes=notes,
    )


def _choices(group: Sequence[Run]) -> dict[str, str]:
    """Choices that all runs of a cell share; ``hydra/*`` and loggers say how a run was started, not what it was."""
    first = group[0].choices
    return {
        name: choice
        for name, choice in first.items()
        if not name.startswith("hydra/")
        and name not in NOT_IDENTITY
        and all(run.choices.get(name) == choice for run in group)
    }


def _settings(groups: Sequence[Sequence[Run]]) -> list[dict[str, str]]:
    """Config values of each cell, without those that follow the seed: they differ within some cell."""
    known: dict[tuple[str, int], tuple[object, dict[str, str]]] = {}
    each = [[_flat(run.config, known) for run in group] for group in groups]
    follow = set()
    for first, *others in each:
        for own in others:
            follow |= {key for key, value in first.items() if own.get(key) != value} | (own.keys() - first.keys())
    return [{key: value for key, value in first.items() if key not in follow} for first, *_ in each]


def _flat(config: Mapping[str, object], known: dict[tuple[str, int], tuple[object, dict[str, str]]]) -> dict[str, str]:
    """Return the leaves of a config; an entry that configs share, as those of one study mostly do, is walked once."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        if key not in _NOT_COMPARED:
            if isinstance(value, Mapping):
                # beside its leaves the entry itself is kept, so that no other takes its place in memory
                if (key, id(value)) not in known:
                    known[key, id(value)] = value, dict(_leaves({key: value}))
                flat |= known[key, id(value)][1]
            else:
                flat |= _leaves({key: value})
    return flat


def _leaves(config: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield (
                f"{prefix}{key}",
                value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str),
            )


def _differing(each: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Keep the keys whose values are not the same in all cells, in the order they first stand."""
    keys = dict.fromkeys(key for values in each for key in values)
    differ = [key for key in keys if len({values.get(key) for values in each}) > 1]
    return [{key: values[key] for key in differ if key in values} for values in each]


def _parts(choices: Sequence[Mapping[str, str]], settings: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    differing = _differing(choices)
    groups = dict.fromkeys(group for values in differing for group in values)
    shown = [
        group for group in groups if group == _EXPERIMENT or not _explained(_EXPERIMENT, group, differing, differing)
    ]
    seen: list[list[str | None]] = []
    leaves: list[str] = []
    # shallow keys first, so that of a setting and its copies through interpolation the setting is named
    for leaf in sorted(dict.fromkeys(key for values in settings for key in values), key=lambda key: key.count(".")):
        column = [values.get(leaf) for values in settings]
        explained = any(_explained(group, leaf, differing, settings) for group in (_EXPERIMENT, leaf.split(".")[0]))
        if not explained and column not in seen:
            seen.append(column)
            leaves.append(leaf)
    return [
        {group: chosen[group] for group in shown if group in chosen}
        | {leaf: own[leaf] for leaf in leaves if leaf in own}
        for chosen, own in zip(differing, settings, strict=True)
    ]


def _explained(group: str, key: str, choices: Sequence[Mapping[str, str]], values: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether ``key`` has one value for each choice of ``group``, so that naming the choice says it all."""
    if not any(group in chosen for chosen in choices):
        return False
    pairs = {(chosen.get(group), own.get(key)) for chosen, own in zip(choices, values, strict=True)}
    return len(pairs) == len({choice for choice, _ in pairs})


def _labels(
    parts: Sequence[Mapping[str, str]], hashes: Sequence[str], choices: Sequence[Mapping[str, str]]
) -> list[str]:
    if len(parts) == 1:
        return [choices[0].get("model", "all runs")]
    labels = [", ".join(f"{key}={value}" for key, value in own.items()) for own in parts]
    times = Counter(labels)
    return [
        label if label and times[label] == 1 else f"{label} #{cell_hash}".strip()
        for label, cell_hash in zip(labels, hashes, strict=True)
    ]


def _order(cell: Cell) -> tuple[list[tuple[int, float, str]], str]:
    return [_sortable(value) for value in cell.parts.values()], cell.label


def _sortable(value: str) -> tuple[int, float, str]:
    try:
        return 0, float(value), ""
    except ValueError:
        return 1, 0.0, value
