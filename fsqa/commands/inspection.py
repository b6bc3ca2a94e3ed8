"""What ``fsqa data`` has found out about a dataset, as tables or as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fsqa.data.inspection import Inspection
from fsqa.data.lengths import Lengths
from fsqa.data.row_lengths import Tokenised
from fsqa.data.samples import Sample
from fsqa.types import Split

MOST_KINDS = 10
LONGEST_SEGMENT = 400
"""Characters of a text in a sample; of a longer one the middle is left out."""
COLOURS = {"prompt": "cyan", "context": "grey62", "answer": "bold green", "end": "magenta"}
FIGURES = {"mean": "mean", "median": "median", "percentile_95": "95 %", "longest": "longest"}
Cells = Sequence[str]


@dataclass(frozen=True)
class Inspected:
    """A dataset under one config."""

    choices: Mapping[str, str]
    max_length: int
    facts: Inspection
    tokenised: Tokenised | None
    """None where the data could not be tokenised."""
    refusal: str | None
    """What would stop a run, in its own words."""
    split: Split
    """The one that the samples are of."""
    samples: list[Sample]

    def summary(self) -> dict[str, Any]:
        """Return everything as plain values; shares are of one."""
        tokens = self.tokenised
        return {
            "choices": {
                group: self.choices.get(group) for group in ("dataset", "model", "prompt", "loss", "objective")
            },
            "splits": {
                split: {
                    **facts.summary(),
                    "tokens": tokens.lengths[split].summary() if tokens else None,
                    "rows": {
                        "unit": tokens.unit,
                        "count": len(tokens.examples[split]),
                        **tokens.examples[split].summary,
                    }
                    if tokens and tokens.examples
                    else None,
                }
                for split, facts in self.facts.splits.items()
            },
            "overlap": {f"{left}_{right}": asdict(both) for (left, right), both in self.facts.overlap.items()},
            "max_length": {"chosen": self.max_length, **({} if tokens is None else self._lengths_that_do(tokens))},
            "refusal": self.refusal,
            "samples": {self.split: [asdict(sample) for sample in self.samples]},
        }

    def show(self) -> None:
        """Print everything as tables that fit into 80 columns."""
        console = Console(highlight=False)
        chosen = ("dataset", "model", "prompt") if self.tokenised else ("dataset",)
        console.print(Text(" ".join(f"{group}={self.choices.get(group)}" for group in chosen), style="bold"), "\n")
        console.print(self._counts(), "")
        console.print(self._lengths())
        for line in self._advice():
            console.print("", line, sep="\n")
        if any(set(facts.kinds) - {""} for facts in self.facts.splits.values()):
            console.print("", self._kinds(), sep="\n")
        if self.samples:
            self._show_samples(console)

    def _counts(self) -> Table:
        table = _table("", *self.facts.splits)
        splits = self.facts.splits.values()
        table.add_row("records", *(f"{facts.records:,}" for facts in splits), style="bold")
        for reason in dict.fromkeys(reason for facts in splits for reason in facts.dropped):
            table.add_row(f"left out: {reason}", *(_count(facts.dropped.get(reason, 0)) for facts in splits))
        for what in dict.fromkeys(what for facts in splits for what in facts.empty):
            if any(facts.empty.get(what, 0) < facts.records for facts in splits):
                table.add_row(f"without {what}", *(_part(facts.empty.get(what, 0), facts.records) for facts in splits))
        if self._has_answers:
            table.add_row("answers to each", *(f"{facts.answers.mean:.2f}" for facts in splits))
        table.add_row("repeat an earlier one", *(_part(facts.repeated, facts.records) for facts in splits))
        if any(facts.contradicted for facts in splits):
            table.add_row("  questions with other answers", *(_count(facts.contradicted) for facts in splits))
        for label, cells in (*self._shared(), *self._rows()):
            table.add_row(label, *cells)
        return table

    @property
    def _has_rows(self) -> bool:
        return self.tokenised is not None and bool(self.tokenised.examples)

    @property
    def _has_answers(self) -> bool:
        return any(facts.answer_words for facts in self.facts.splits.values())

    def _shared(self) -> Iterator[tuple[str, Cells]]:
        """Yield what stands in two splits, one line for each thing that is known about it."""
        lines = [("stand in train too", "train", "questions"), ("stand in validation too", "validation", "questions")]
        if self._has_answers:
            lines.insert(1, ("  with the same answer", "train", "answered_alike"))
            lines.insert(2, ("answer is one of training", "train", "answers"))
        for label, left, name in lines:
            both = {right: overlap for (other, right), overlap in self.facts.overlap.items() if other == left}
            facts = self.facts.splits
            yield label, [_part(getattr(both[own], name), facts[own].records) if own in both else "" for own in facts]

    def _rows(self) -> Iterator[tuple[str, Cells]]:
        """Yield what becomes of the rows at the chosen length."""
        tokens = self.tokenised
        if tokens is None or not tokens.examples:
            return
        rows = {split: len(examples) for split, examples in tokens.examples.items()}
        if tokens.unit != "row":
            yield f"{tokens.unit}s of max_length={self.max_length}", [f"{count:,}" for count in rows.values()]
        if tokens.unit != "block":
            what = f"cut to max_length={self.max_length}" if tokens.unit == "row" else "windows with a cut question"
            yield what, [_part(tokens.cut[split], count) for split, count in rows.items()]
        cut = {split: examples.summary["cut_answers"] for split, examples in tokens.examples.items()}
        if any(cut.values()):
            yield "answers cut, with no end token", [_part(cut[split], count) for split, count in rows.items()]
        if tokens.unit != "block":
            yield "answers of one token", [_percent(tokens.lengths[split].one_token_answers) for split in rows]

    def _lengths(self) -> Table:
        table = _table("length", "of", "split", *FIGURES.values(), texts=3)
        for unit, parts in self._measured().items():
            for name, by_split in parts.items():
                if not any(by_split.values()):
                    continue
                for number, (split, lengths) in enumerate(by_split.items()):
                    figures = lengths.summary()
                    cells = [_figure(figures.get(figure)) for figure in FIGURES]
                    table.add_row("" if number else unit, "" if number else name, split, *cells)
                    unit = unit if number == 0 else ""
                table.add_section()
        return table

    def _measured(self) -> dict[str, dict[str, dict[Split, Lengths]]]:
        """Return lengths by unit, then by what they are of, then by split."""
        facts, tokens = self.facts.splits, self.tokenised
        words = {
            "question": {split: own.question_words for split, own in facts.items()},
            "context": {split: own.context_words for split, own in facts.items()},
            "answer": {split: own.answer_words for split, own in facts.items()},
        }
        if tokens is None:
            return {"words": words}
        names = ("prompt", "context", "answer", "row")
        return {
            "words": words,
            "tokens": {n: {split: own.parts()[n] for split, own in tokens.lengths.items()} for n in names},
        }

    def _lengths_that_do(self, tokens: Tokenised) -> dict[str, int]:
        return {
            "that_cuts_none": tokens.length_that_cuts(Fraction(0)),
            "that_cuts_1_percent": tokens.length_that_cuts(Fraction(1, 100)),
        }

    def _advice(self) -> Iterator[Text]:
        if self.refusal:
            yield Text.assemble(("a run would stop here: ", "bold yellow"), self.refusal)
        if self.tokenised is None or self.tokenised.unit == "block":
            return
        none, few = self._lengths_that_do(self.tokenised).values()
        if self.tokenised.unit == "row":
            told, but = "would cut no row of any split", f", {few} at most 1 % of them"
        else:
            told, but = "would take every document in one window", f", {few} all but 1 % of them"
        yield Text(f"max_length={none} {told}{but if few < none else ''}")

    def _kinds(self) -> Table:
        splits = self.facts.splits
        kinds = list(dict.fromkeys(kind for facts in splits.values() for kind in facts.kinds))
        table = _table("kind", *splits)
        for kind in kinds[:MOST_KINDS]:
            table.add_row(kind or "(none)", *(_part(f.kinds.get(kind, 0), f.records) for f in splits.values()))
        if more := kinds[MOST_KINDS:]:
            counts = (_part(sum(f.kinds.get(kind, 0) for kind in more), f.records) for f in splits.values())
            table.add_row(f"{len(more):,} more", *counts, style="dim")
        return table

    def _show_samples(self, console: Console) -> None:
        title = Text(f"\nrecords of the {self.split} split", style="bold")
        if self._has_rows:
            title.append(f" as prompt={self.choices.get('prompt')} lays them out; in brackets what counts under ")
            title.append(f"loss={self.choices.get('loss')}")
        console.print(title)
        for sample in self.samples:
            console.print(Text.assemble("\n", (sample.id, "bold"), f"  {sample.kind}" if sample.kind else ""))
            console.print(_laid_out(sample))
            if self.tokenised and self._has_rows:
                console.print(Text(_tokens(sample, self.tokenised.unit), style="dim"))


def _table(*columns: str, texts: int = 1) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        if number < texts:
            table.add_column(column, overflow="fold", no_wrap=texts > 1)
        else:
            table.add_column(column, justify="right", no_wrap=True)
    return table


def _laid_out(sample: Sample) -> Text:
    texts = []
    for piece in sample.pieces:
        text = Text(_shortened(piece.text), style=COLOURS[piece.role])
        texts.append(Text.assemble("[", text, "]") if piece.counts else text)
    return Text("" if sample.tokens else "\n").join(texts)


def _tokens(sample: Sample, unit: str) -> str:
    counting = (f"{role} {sample.counting.get(role, 0)} of {count}" for role, count in sample.tokens.items())
    return f"tokens of its {unit} that count: {', '.join(counting)}"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_SEGMENT:
        return text
    half = LONGEST_SEGMENT // 2
    return f"{text[:half]} […] {text[-half:]}"


def _count(number: int) -> str:
    return f"{number:,}" if number else "–"


def _part(number: int, whole: int) -> str:
    return f"{number:,}  {_percent(number / whole):>7}" if number else "–"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
