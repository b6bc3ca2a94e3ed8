"""From proposals to runs and back: every trial is run with each of its seeds, and judged by their mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from fsqa.errors import InputError, did_you_mean
from fsqa.sweep.outcome import Outcome
from fsqa.sweep.search import Proposal, Search, SearchSettings
from fsqa.sweep.space import Space

Launch = Callable[[Sequence[Sequence[str]]], Sequence[Outcome]]
"""Runs one job per list of overrides, and returns how each ended, in their order."""

Tell = Callable[[str], None]

Ended = Mapping[int, Sequence[Outcome]]
"""How the runs of each trial ended, by the trial's number."""


class Trials:
    """Runs what a search proposes until it has enough, or too many have failed, or no more jobs are started."""

    def __init__(self, search: Search, space: Space, settings: SearchSettings, launch: Launch, tell: Tell) -> None:
        self._search, self._space, self._settings = search, space, settings
        self._launch, self._tell = launch, tell

    def run(self, after: Callable[[], None] = lambda: None) -> None:
        """Run the search; ``after`` is called whenever some trials have ended."""
        while proposals := self._search.ask():
            ended = self._run(self._without_twins(proposals))
            for trial in proposals:
                if trial.number in ended:
                    self._judge(trial, ended[trial.number])
            after()
            if any(outcome.state == "not started" for outcomes in ended.values() for outcome in outcomes):
                return
            share, failures = self._settings.max_failure_rate, self._search.failures
            if failures > share * self._settings.n_trials:
                self._tell(
                    f"{failures} trials failed, more than hydra.sweeper.max_failure_rate={share:g} of "
                    f"{self._settings.n_trials}: the search ends here"
                )
                return

    def _without_twins(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """End trials whose very values were stopped early before: they would be once more."""
        left = []
        for proposal in proposals:
            if (twin := self._search.pruned_twin(proposal)) is None:
                left.append(proposal)
            else:
                self._search.tell_pruned_as(proposal, twin)
                self._tell(f"trial {proposal.number}: pruned, as trial {twin.number} with the same values was")
        return left

    def _run(self, proposals: Sequence[Proposal]) -> Ended:
        """Run trials side by side; where runs may be pruned, seed after seed, so that a pruned trial saves the rest."""
        ended: dict[int, list[Outcome]] = {proposal.number: [] for proposal in proposals}
        runs = {proposal.number: self._space.runs(proposal.params) for proposal in proposals}
        places = range(len(next(iter(runs.values()), ())))
        waves = [[place] for place in places] if self._settings.prunes else [list(places)]
        for wave in waves:
            jobs: dict[tuple[str, ...], list[int]] = {}
            for number, words in runs.items():
                if all(outcome.is_done for outcome in ended[number]):
                    for place in wave:
                        jobs.setdefault(words[place], []).append(number)
            outcomes = self._launch([self._job(words, numbers[0]) for words, numbers in jobs.items()]) if jobs else ()
            for numbers, outcome in zip(jobs.values(), outcomes, strict=True):
                for number in numbers:
                    ended[number].append(outcome)
        return ended

    def _job(self, words: tuple[str, ...], number: int) -> tuple[str, ...]:
        return (*words, f"sweep.trial={number}") if self._settings.prunes else words

    def _judge(self, trial: Proposal, outcomes: Sequence[Outcome]) -> None:
        """Tell the search how a trial ended; one with a run that has not ended is left for the next start."""
        search, name = self._search, f"trial {trial.number}"
        search.note(trial, "runs", [outcome.run for outcome in outcomes if outcome.run])
        failed = next((outcome for outcome in outcomes if outcome.has_failed), None)
        pruned = next((outcome for outcome in outcomes if outcome.state == "pruned"), None)
        left = next((outcome for outcome in outcomes if not outcome.is_done), None)
        if failed is not None:
            search.tell_failed(trial, failed.reason)
            self._tell(f"{name}: failed: {failed.reason}")
        elif pruned is not None:
            search.tell_pruned(trial, pruned.reason)
            self._tell(f"{name}: pruned")
        elif left is not None:
            self._tell(f"{name}: left for the next start: {left.state}{left.reason and f', {left.reason}'}")
        else:
            values = [_mean(metric, outcomes) for metric in self._settings.metrics]
            search.tell_values(trial, values)
            shown = ", ".join(f"{m} {v:.4g}" for m, v in zip(self._settings.metrics, values, strict=True))
            self._tell(f"{name}: {shown}  {' '.join(self._space.changed(trial.params))}")


def _mean(metric: str, outcomes: Sequence[Outcome]) -> float:
    """Return the mean of a metric over the runs of one trial; raises InputError where they have none of the name."""
    for outcome in outcomes:
        if metric not in outcome.values:
            known = sorted(name for name in outcome.values if name.startswith("val/"))
            raise InputError(
                f"hydra.sweeper.metrics: {outcome.run} has no '{metric}'{did_you_mean(metric, known)}; it has "
                f"{', '.join(known)}"
            )
    return fmean(outcome.values[metric] for outcome in outcomes)
