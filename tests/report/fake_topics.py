"""Studies that measure more than exact match: refusals, rewriting, ranking, and answers from outside."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from fsqa.metrics.calibration import Calibration
from fsqa.metrics.ranking_figures import COUNTED, FIGURES, NO_RELEVANT
from fsqa.metrics.ranking_figures import METRICS as RANKING
from fsqa.metrics.scoring import Scoring, score_answer, score_continuation
from fsqa.metrics.text import Text
from fsqa.types import REFUSAL, Record
from tests.report.fake_study import add_run, questions

REPLY = "I can only answer questions about places."
OFF_TOPIC = ("Who won the match?", "How do I bake bread?", "What is 7 times 8?", "Is it raining?")
PASSAGE = "The harbour was built in 1848 and widened twice. It serves fishing boats, ferries and a small shipyard. "


def records(on_topic: int = 24, off_topic: int = 8) -> list[Record]:
    """Questions of three kinds, and after them some that are off topic."""
    asked = [
        Record(id=each["id"], question=each["question"], answers=tuple(each["references"]), kind=each["kind"])
        for each in questions(on_topic)
    ]
    return asked + [
        Record(id=f"off{place}", question=f"{OFF_TOPIC[place % 4]} ({place})", answers=(REPLY,), kind=REFUSAL)
        for place in range(off_topic)
    ]


def answers(asked: Sequence[Record], rate: float, seed: int, refused: float) -> list[dict]:
    """Answers of which about ``rate`` are right on topic, and a share ``refused`` of the off-topic ones refused."""
    luck, rows = random.Random(f"{rate}{seed}"), []
    for record in asked:
        right = luck.random() < (refused if record.kind == REFUSAL else rate)
        other = REPLY if luck.random() < 0.3 else "no idea"
        said = record.answers[0] if right else other
        confidence = min(max(luck.gauss(0.85 if right else 0.7, 0.12), 0.01), 1.0)
        rows.append(score_answer(record, said) | {"stopped": True, "answer_length": 3, "confidence": confidence})
    return rows


def refusal_study(folder: Path, seeds: int = 2, train_rate: float = 1.0) -> Path:
    """Two losses that learn to refuse, one of them by heart; with confidences and training questions."""
    asked, scoring = records(), Scoring({"calibration": Calibration(bins=10)})
    trained_on = records(60, 0)
    for loss, rate, known in (("answer", 0.5, train_rate), ("answer_end", 0.75, 0.8)):
        for seed in range(seeds):
            rows = scoring.complete(asked, answers(asked, rate, seed, 0.6))
            train = scoring.complete(trained_on, answers(trained_on, known, seed, 1.0))
            figures = scoring.summarize(rows)
            more = {"train": scoring.summarize(train), "val": figures, "kinds": scoring.by_kind(rows)}
            baselines = {
                "untouched": scoring.complete(asked, _without_confidence(answers(asked, 0.05, 0, 0.0))),
                "refuse_everything": scoring.complete(asked, [score_answer(each, REPLY) for each in asked]),
            }
            _run(folder, loss, seed, rows, {"test": figures, **more}, baselines, scoring)
    return folder


def rewriting_study(folder: Path, seeds: int = 2, copies: bool = True) -> Path:
    """Rewritten questions: one loss repairs most of them, the other copies its input."""
    asked = [
        Record(id=f"r{place}", question=f"What um no which river runs through town {place}?", answers=(text,), kind="")
        for place, text in enumerate(f"Which river runs through town {place}?" for place in range(20))
    ]
    scoring = Scoring({"text": Text()})
    for loss, share in (("answer", 0.8), ("all", 0.0 if copies else 0.4)):
        for seed in range(seeds):
            luck = random.Random(f"{loss}{seed}")
            said = [each.answers[0] if luck.random() < share else each.question for each in asked]
            rows = scoring.complete(asked, [score_answer(*pair) for pair in zip(asked, said, strict=True)])
            copied = scoring.complete(asked, [score_answer(each, each.question) for each in asked])
            metrics = {"test": scoring.summarize(rows), "val": {}, "signatures": scoring.signatures(rows)}
            _run(folder, loss, seed, rows, metrics, {"copy_input": copied}, scoring)
    return folder


def ranking_study(folder: Path, rankers: Sequence[str] = ("bm25", "embedding"), seeds: int = 2) -> Path:
    """Generated passages that two rankers judge, without an exact match."""
    asked = [Record(id=f"p{place}", question=f"what does harbour {place} serve", answers=()) for place in range(20)]
    ranks = {"answer": 3.0, "all": 6.0, "query": 1.0, "human_answer": 2.5, "random_passage": 6.5}
    for loss in ("answer", "all"):
        for seed in range(seeds):
            rows = {name: _ranked(asked, rankers, mean, seed) for name, mean in ranks.items()}
            figures = {name: _means(each) for name, each in rows.items()}
            baselines = {name: each for name, each in rows.items() if name not in ("answer", "all")}
            told = {name: f"Ranker(k1=1.5)|ties:input|{name[:4]}" for name in figures[loss] if name.startswith("bm25")}
            metrics = {"test": figures[loss], "val": {}, "signatures": told}
            _run(folder, loss, seed, rows[loss], metrics, baselines, None)
    return folder


def add_outside(folder: Path, name: str, rows: Sequence[Mapping], metrics: Mapping, **status: object) -> Path:
    """Write what scoring a file of answers leaves: no checkpoint, no history, no cost."""
    run = folder / f"outside-{name}"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("dataset: {}\noutside: {name: x}\nseed: 0\n", encoding="utf-8")
    told = {"state": "done", "outside": True, "seed": 0, "cell_hash": f"o-{name}", "data_sha256": "9f2c" * 16}
    told |= {"choices": {"model": name, "dataset": "atlas"}, "started": "2025-03-02T00:00:00+00:00", **status}
    (run / "status.json").write_text(json.dumps(told), encoding="utf-8")
    (run / "metrics.json").write_text(json.dumps({"test": metrics}), encoding="utf-8")
    _lines(run / "predictions.jsonl", rows)
    return run


def _ranked(asked: Sequence[Record], rankers: Sequence[str], mean: float, seed: int) -> list[dict]:
    luck, rows = random.Random(f"{mean}{seed}"), []
    for record in asked:
        row = score_continuation(record, PASSAGE * 12) | {COUNTED: 1, NO_RELEVANT: 0}
        for ranker in rankers:
            rank = max(1, round(luck.gauss(mean, 1.2)))
            found = {name: int(rank <= 3) for name, *_ in FIGURES} | {"loc": rank, "top_1": int(rank == 1)}
            row |= {f"{ranker}_{name}": value for name, value in found.items()}
        rows.append(row)
    return rows


def _means(rows: Sequence[Mapping]) -> dict:
    known = [each for each in RANKING if each.column in rows[0] and not each.name.endswith("_no_relevant")]
    return {"examples": len(rows)} | {each.name: sum(row[each.column] for row in rows) / len(rows) for each in known}


def _without_confidence(rows: Sequence[Mapping]) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "confidence"} for row in rows]


def _run(
    folder: Path,
    loss: str,
    seed: int,
    rows: Sequence[Mapping],
    metrics: Mapping,
    baselines: Mapping[str, Sequence[Mapping]],
    scoring: Scoring | None,
) -> None:
    scored = {name: scoring.summarize(each) if scoring else _means(each) for name, each in baselines.items()}
    run = add_run(folder, loss, seed, metrics={**metrics, "baseline": scored, "cost": {"seconds": 60.0 + seed}})
    _lines(run / "predictions.jsonl", rows)
    for name, each in baselines.items():
        _lines(run / "baseline" / f"{name}.jsonl", each)


def _lines(path: Path, rows: Sequence[Mapping]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
