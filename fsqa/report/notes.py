"""What a reader must be told before comparing the cells of a study."""

from collections.abc import Iterator, Mapping, Sequence

from fsqa.report.headlines import MAIN, MAIN_OF_TEXT, MAINS_OF_RANKING
from fsqa.study.cells import Cell
from fsqa.study.outside import is_outside
from fsqa.study.runs import Numbers, Run

MOST_NAMED = 4
"""Cells that a note names."""

TOKENIZER_SETTINGS = ("tokenizer_path", "path", "revision", "vocabulary", "added_tokens")
"""Keys of a model's config that decide its tokenizer."""


def study_notes(cells: Sequence[Cell], split: str) -> tuple[str, ...]:
    """Return one sentence for everything that makes cells less comparable than a table suggests."""
    outside = [cell for cell in cells if is_outside(cell) and cell.runs]
    trained = [cell for cell in cells if cell.runs and not is_outside(cell)]
    return (*_notes(trained, cells, split), *_example_notes([*trained, *outside], split), *_outside_notes(outside))


def _outside_notes(outside: Sequence[Cell]) -> Iterator[str]:
    if outside:
        yield (
            f"Scored from a file of answers, and not trained here: {_named([cell.label for cell in outside])}. Of such "
            "a cell there are only the answers, the same beside every seed of the others."
        )


def _notes(done: Sequence[Cell], cells: Sequence[Cell], split: str) -> Iterator[str]:
    for cell in cells:
        yield from (f"{cell.label}: {note}." for note in cell.notes)
        if not cell.runs:
            yield f"{cell.label}: no run is done, so it has no figures."
    runs = [run for cell in done for run in cell.runs]
    if split == "validation":
        yield "No run has figures of the test split: these are of validation, where settings may be chosen."
    if len({cell.seeds for cell in done}) > 1:
        each = told({cell.label: ", ".join(map(str, cell.seeds)) for cell in done})
        yield f"The cells do not have the same seeds ({each}): means stand on different draws."
        single = [cell.label for cell in done if len(cell.seeds) == 1]
        if single:
            yield f"One seed ({_named(single)}): the interval is over the test examples alone."
    elif done and len(done[0].seeds) == 1:
        yield (
            "One seed per cell: intervals and p-values are over the test examples alone, so another seed may turn a "
            "difference around; figures without scores per example have no interval."
        )
    if len({run.data_sha256 for run in runs}) > 1:
        each = told({cell.label: cell.runs[0].data_sha256[:12] or "not written" for cell in done})
        yield f"The cells did not see the same data ({each}): their figures answer different questions."
    yield from _overlap_notes(runs)
    if len({_counted_by(run) for run in runs}) > 1:
        yield (
            "The cells do not share tokenizer and objective: answer NLL, perplexity and token accuracy are per token, "
            "so compare them only between cells that do."
        )
    if len({run.code_version for run in runs}) > 1:
        yield f"Runs come from different code: {', '.join(sorted({run.code_version or 'unknown' for run in runs}))}."
    if len({run.host for run in runs}) > 1:
        yield f"Runs were made on {len({run.host for run in runs})} machines: do not compare their seconds."


def _example_notes(done: Sequence[Cell], split: str) -> Iterator[str]:
    counts, figures = {}, [_figures(run, split) for cell in done for run in cell.runs]
    answered = any(MAIN in numbers for numbers in figures) or not any(
        name in numbers for numbers in figures for name in (MAIN_OF_TEXT, *MAINS_OF_RANKING)
    )
    for cell in done:
        each = [_figures(run, split) for run in cell.runs]
        counts[cell.label] = sorted({int(numbers["examples"]) for numbers in each if "examples" in numbers})
        measured = sum(MAIN in numbers for numbers in each)
        if answered and measured < len(each):
            yield f"{cell.label}: only {measured} of {len(each)} done runs have an exact match."
    if len({tuple(count) for count in counts.values()}) > 1 or any(len(count) > 1 for count in counts.values()):
        counted = told({label: ", ".join(map(str, count)) or "not written" for label, count in counts.items()})
        yield f"Figures stand on different numbers of {split} examples ({counted})."


def _counted_by(run: Run) -> str:
    """Return what decides which tokens an answer has, and what a prediction of one means."""
    model, objective = run.config.get("model") or {}, run.config.get("objective") or {}
    of_tokenizer = {name: model.get(name) for name in TOKENIZER_SETTINGS}
    return f"{of_tokenizer} {objective.get('_target_')}"


def _figures(run: Run, split: str) -> Numbers:
    return run.measures.test if split == "test" else run.measures.validation


def _named(labels: Sequence[str]) -> str:
    more = [f"{len(labels) - MOST_NAMED} more"] if len(labels) > MOST_NAMED else []
    return "; ".join([*labels[:MOST_NAMED], *more])


def told(values: Mapping[str, str]) -> str:
    """Tell who has what: the most common value last, as that of all others, where naming each would fill the page."""
    if len(values) <= MOST_NAMED:
        return "; ".join(f"{label}: {value}" for label, value in values.items())
    common = max(values.values(), key=list(values.values()).count)
    odd = [f"{label}: {value}" for label, value in values.items() if value != common]
    more = [f"{len(odd) - MOST_NAMED} more differ"] if len(odd) > MOST_NAMED else []
    return "; ".join([*odd[:MOST_NAMED], *more, f"others: {common}"])


def _overlap_notes(runs: Sequence[Run]) -> Iterator[str]:
    pairs = {pair: count for run in runs for pair, count in run.measures.overlap.items() if count > 0}
    for pair, count in sorted(pairs.items()):
        yield f"{int(count)} record(s) stand in two splits at once ({pair.replace('_', ' and ')})."
