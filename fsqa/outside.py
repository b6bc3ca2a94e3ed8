"""Answers that no run of ours gave, scored as a run's are: a row of the same table."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fsqa.config.assemble import assemble_scoring_of
from fsqa.config.dataset import build_dataset
from fsqa.data.prepare import prepare_records
from fsqa.dataset.content import content_hash
from fsqa.errors import InputError
from fsqa.files import write_json, write_rows, write_text
from fsqa.metrics.scoring import Row, score_answer
from fsqa.run_baselines import without_model
from fsqa.study.folder import code_version, config_hash, installed_packages, now
from fsqa.types import Record

ID = ("id", "question_id", "query_id")
QUESTION = ("question", "input_ques", "query")
ANSWER = ("prediction", "output_pred", "answer", "text", "prediction_text")
"""Names under which files of answers are known to hold each, the first that is there counting."""


@dataclass(frozen=True)
class Said:
    """The answers of a file, by the ids of their questions or by the questions themselves."""

    by_id: Mapping[str, str]
    by_question: Mapping[str, str]
    asked: frozenset[tuple[str | None, str | None]]
    """Of every answer the id and the question it says it is to, as far as it says so."""
    skipped: int
    """Entries that hold figures and no answer, such as a closing average."""

    def to(self, record: Record) -> str | None:
        """Return the answer to a record; None where the file has none."""
        by_id = self.by_id.get(record.id)
        return self.by_question.get(_asked(record.question)) if by_id is None else by_id

    def foreign(self, records: Sequence[Record]) -> int:
        """Return how many answers are to none of the records."""
        ids, questions = {record.id for record in records}, {_asked(record.question) for record in records}
        return sum(identity not in ids and question not in questions for identity, question in self.asked)


@dataclass(frozen=True)
class Outside:
    """A scored file of answers, and where it stands among the runs of its study."""

    folder: Path
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    missing: int
    """Questions of the test that the file does not answer; each counts as answered with nothing."""
    foreign: int
    """Answers to questions that are not in the test."""
    skipped: int


def score_file(config: Mapping[str, Any], choices: Mapping[str, str], file: Path, name: str) -> Outside:
    """Score a file of answers on the test split of a config's dataset and write it as a run called ``name``.

    Raises InputError for a file that cannot be read or answers no question of the test.
    """
    said, cache = read_answers(file), Path(config["outputs"]) / ".cache"
    data = prepare_records(build_dataset(config), cache)
    test, scoring = data.splits["test"], assemble_scoring_of(config["metrics"])
    answers = [said.to(record) for record in test]
    missing = answers.count(None)
    if missing == len(test):
        raise InputError(
            f"{file}: answers none of the {len(test):,} test questions; wanted their ids, such as '{test[0].id}', or "
            f"the questions themselves, such as {test[0].question[:60]!r}"
        )
    given = [score_answer(record, answer or "") for record, answer in zip(test, answers, strict=True)]
    rows = scoring.complete(test, given)
    comparison = without_model(data, scoring, config["metrics"], cache)
    metrics: dict[str, Any] = {
        "test": scoring.summarize(rows),
        "kinds": scoring.by_kind(rows),
        "baseline": {each: scoring.summarize(baseline) for each, baseline in comparison.items()},
        "signatures": scoring.signatures(rows),
        "data": data.summary(),
    }
    identity = {key: config[key] for key in ("dataset", "metrics", "test_questions")}
    identity |= {"outside": {"name": name, "file": file.name, "sha256": content_hash(file)}}
    folder = Path(config["outputs"]) / config["study"] / f"outside-{name}-{config_hash(identity)[:8]}"
    _write(folder, {**identity, "seed": 0}, {**choices, "model": name}, metrics, rows, comparison, data.sha256)
    return Outside(
        folder=folder,
        metrics=metrics["test"],
        baselines=metrics["baseline"],
        missing=missing,
        foreign=said.foreign(test),
        skipped=said.skipped,
    )


def read_answers(file: Path) -> Said:
    """Read ``{id: answer}``, or a list or lines of objects with an id or a question and an answer.

    Raises InputError with the line or the place in the list.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"predictions: cannot read {file}: {reason}") from None
    by_id, by_question, asked, skipped = dict[str, str](), dict[str, str](), set[tuple[str | None, str | None]](), 0
    for place, entry in _entries(file, text):
        if not isinstance(entry, dict):
            raise InputError(f"{place}: wanted an object with an answer, came {entry!r:.60}")
        if entry and not any(name in entry for name in ANSWER) and all(map(_is_number, entry.values())):
            skipped += 1
            continue
        identity, question = _first(entry, ID), _first(entry, QUESTION)
        if identity is None and question is None:
            raise InputError(f"{place}: does not say what it answers; wanted one of {', '.join((*ID, *QUESTION))}")
        answer, held = _answer(place, entry), by_question if identity is None else by_id
        key = _asked(question or "") if identity is None else identity
        if held.setdefault(key, answer) != answer:
            raise InputError(f"{place}: {key!r:.60} is answered twice, and differently; keep one answer")
        if question is not None:
            by_question.setdefault(_asked(question), answer)
        asked.add((identity, None if question is None else _asked(question)))
    if not asked:
        raise InputError(f"{file}: holds no answers; wanted {{id: answer}} or lines with an id and a prediction")
    return Said(by_id, by_question, frozenset(asked), skipped)


def _entries(file: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Yield what a file holds one by one with its place, whichever of the three forms it has."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, list):
        yield from ((f"{file}[{number}]", entry) for number, entry in enumerate(whole))
    elif isinstance(whole, dict) and not _is_entry(whole):
        yield from ((f"{file}: {key!r}", {"id": key, "prediction": answer}) for key, answer in whole.items())
    else:
        yield from _lines(file, text)


def _is_entry(whole: Mapping[str, Any]) -> bool:
    """Say whether an object is the only line of a file, and no ``{id: answer}``."""
    says_what = any(name in whole for name in (*ID, *QUESTION))
    return any(name in whole for name in (ANSWER if says_what else ANSWER[:2]))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _lines(file: Path, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"{file}:{number}", json.loads(line)
            except ValueError as error:
                raise InputError(f"{file}:{number}: broken JSON ({error}); wanted one JSON object a line") from None


def _first(entry: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((str(entry[name]) for name in names if isinstance(entry.get(name), str | int)), None)


def _answer(place: str, entry: Mapping[str, Any]) -> str:
    field = next((name for name in ANSWER if name in entry), None)
    if field is None:
        raise InputError(f"{place}: has no answer; wanted one of {', '.join(ANSWER)}")
    answer = entry[field]
    if not isinstance(answer, str):
        raise InputError(f"{place}: {field}: wanted a text, came {type(answer).__name__} {answer!r:.60}")
    return answer


def _asked(question: str) -> str:
    return " ".join(question.casefold().split())


def _write(
    folder: Path,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    metrics: Mapping[str, Any],
    rows: Sequence[Row],
    baselines: Mapping[str, Sequence[Row]],
    data_sha256: str,
) -> None:
    """Write what a run of ours writes, as far as there is anything; the status, which makes it a run, comes last."""
    cell = config_hash({name: value for name, value in config.items() if name != "seed"})
    status = {
        "state": "done",
        "outside": True,
        "started": now(),
        "finished": now(),
        "seconds": None,
        "error": None,
        "seed": config["seed"],
        "config_hash": config_hash(config),
        "cell_hash": cell,
        "data_sha256": data_sha256,
        "code_version": code_version(),
        "packages": installed_packages(),
        "host": socket.gethostname(),
        "choices": dict(choices),
    }
    try:
        write_text(folder / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
        write_rows(folder / "predictions.jsonl", rows)
        for name, baseline in baselines.items():
            write_rows(folder / "baseline" / f"{name}.jsonl", baseline)
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "status.json", status)
    except OSError as error:
        raise InputError(
            f"outputs: cannot write to {folder}: {error.strerror}; set outputs= to a folder you own"
        ) from None
