"""A task for lm-evaluation-harness that asks a run's test questions as the run was asked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

import fsqa.metrics.answers
from fsqa.config.dataset import build_dataset
from fsqa.config.instantiate import build
from fsqa.data.prepare import prepare_records
from fsqa.encode.sequence import SequenceEncoder
from fsqa.encode.written import written
from fsqa.errors import InputError
from fsqa.export.weights import has_adapter
from fsqa.files import write_text
from fsqa.finished import Finished
from fsqa.generation.autoregressive import Autoregressive
from fsqa.model.tokenizer import read_tokenizer
from fsqa.model_store import base_of
from fsqa.types import Record

TASK = '''

def load(**_):
    """Return the test questions that stand beside this file."""
    from pathlib import Path

    from datasets import Dataset

    return {"test": Dataset.from_json(str(Path(__file__).with_name("test.jsonl")))}


def process_results(doc, results):
    """Score one answer against all references of its question."""
    said = results[0].strip()
    return {"exact_match": exact_match(said, doc["references"]), "f1": f1(said, doc["references"])}
'''
"""What the harness calls, after the functions of :mod:`fsqa.metrics.answers`, which need nothing but Python."""


@dataclass(frozen=True)
class Task:
    """A task folder that was written."""

    name: str
    questions: int
    otherwise: int
    """Prompts whose tokens differ when they are tokenised in one piece, as the harness does."""
    command: str
    """What scores the run with it."""


def write_task(finished: Finished, folder: Path, target: Path) -> Task:
    """Write a task folder for the run's test split; ``target`` is what ``folder`` will be called.

    Raises InputError for a run that is no decoder.
    """
    config = finished.config
    generation = build(config["generation"])
    tokenizer = read_tokenizer(str(finished.path / "model"), revision=None)
    layout = build(config["prompt"]).bound(tokenizer)
    encoder = build(config["objective"]).encoder(tokenizer, config["max_length"])
    if not isinstance(encoder, SequenceEncoder) or not isinstance(generation, Autoregressive):
        raise InputError(
            "--format lm_eval: the harness lets decoders generate, and this run answers otherwise; "
            "only runs with objective=causal can be scored by it"
        )
    records = prepare_records(build_dataset(config), finished.cache).splits["test"]
    prompts = [layout(record) for record in records]
    rows, otherwise = [], 0
    asked = encoder.questions(prompts, generation.max_new_tokens)
    for record, prompt, question in zip(records, prompts, asked, strict=True):
        ids = question.ids.tolist()
        text = tokenizer.decode(ids) if question.truncated else written(encoder, prompt)
        otherwise += tokenizer(text, add_special_tokens=False)["input_ids"] != ids
        rows.append(_row(record, text))
    name = f"fsqa_{re.sub(r'[^A-Za-z0-9]+', '_', finished.path.name)}"
    end = str(tokenizer.decode([encoder.end_id]))
    write_text(folder / "test.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    write_text(folder / f"{name}.yaml", _yaml(name, generation, end))
    source = Path(fsqa.metrics.answers.__file__).read_text(encoding="utf-8")
    write_text(folder / "scoring.py", source + TASK)
    task = Task(name, len(rows), otherwise, _command(finished, name, target, starts=prompts[0].start))
    write_text(folder / "README.md", _readme(finished, task, generation))
    return task


def _row(record: Record, prompt: str) -> dict[str, object]:
    return {"id": record.id, "question": record.question, "prompt": prompt, "references": list(record.answers)}


def _yaml(name: str, generation: Autoregressive, end: str) -> str:
    settings = generation.for_clients()
    ends = [end, *([settings.pop("stop_strings")] if "stop_strings" in settings else [])]
    metrics = [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in ("exact_match", "f1")]
    task = {
        "task": name,
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "prompt",
        "doc_to_target": "{{references[0]}}",
        "target_delimiter": "",
        "num_fewshot": 0,
        "generation_kwargs": {"max_gen_toks": settings.pop("max_new_tokens"), "until": ends, **settings},
        "metric_list": metrics,
        "metadata": {"version": 1.0},
    }
    functions = "custom_dataset: !function scoring.load\nprocess_results: !function scoring.process_results\n"
    return yaml.safe_dump(task, sort_keys=False, allow_unicode=True) + functions


def _command(finished: Finished, name: str, target: Path, starts: bool) -> str:
    model = finished.path.resolve() / "model"
    arguments = (
        f"pretrained={base_of(model)},peft={model},tokenizer={model}"
        if has_adapter(finished)
        else (f"pretrained={model}")
    )
    if not starts:
        arguments += ",add_bos_token=False"
    return f"lm_eval --model hf --model_args {arguments} --tasks {name} --include_path {target.resolve()}"


def _readme(finished: Finished, task: Task, generation: Autoregressive) -> str:
    same = "gives the exact match and F1 of `fsqa evaluate`"
    if generation.for_clients().get("do_sample"):
        same = (
            "samples with random numbers of its own, so that its scores differ from those of `fsqa evaluate` by chance"
        )
    elif task.otherwise:
        same = (
            f"tokenises {task.otherwise} of the prompts otherwise than the run, in one piece instead of segment by "
            "segment, so that its scores may differ a little from those of `fsqa evaluate`"
        )
    return f"""# {task.name}

The {task.questions:,} test questions of {finished.path.name}, as a task for lm-evaluation-harness. This

```
{task.command}
```

{same}. `test.jsonl` holds the prompts as the model is given them, special tokens included; `scoring.py` is SQuAD's
normalisation, exact match and F1 in plain Python. The folder can be moved anywhere.
"""
