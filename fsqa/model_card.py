"""The card that travels with a saved model: data, training, results, and how to load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from fsqa.config.instantiate import build
from fsqa.encode.base import Encoder
from fsqa.encode.written import written_template
from fsqa.generation.autoregressive import Autoregressive
from fsqa.metrics.catalogue import BASELINES, METRICS
from fsqa.metrics.scoring import Row
from fsqa.prompt.text import BoundText
from fsqa.report.headlines import headlines
from fsqa.report.memorisation import COMPARED, memory
from fsqa.study.scores import run_estimates
from fsqa.study.statistics import Estimate
from fsqa.types import SPLITS

ALSO_SHOWN = ("token_accuracy", "stop_rate")
"""Figures of every model beside those that speak for its study."""
PIPELINES = {
    "AutoModelForCausalLM": "text-generation",
    "AutoModelForMaskedLM": "fill-mask",
    "AutoModelForQuestionAnswering": "question-answering",
}
"""What the hub calls that which an Auto class does."""
PEFT_CLASSES = {
    "AutoModelForCausalLM": "AutoPeftModelForCausalLM",
    "AutoModelForQuestionAnswering": "AutoPeftModelForQuestionAnswering",
}
"""Of an Auto class of transformers: the class of PEFT that loads base model and adapter at once."""


def model_card(
    *,
    run: str,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    metrics: Mapping[str, Any],
    rows: Sequence[Row],
    encoder: Encoder,
    adapter: bool,
    note: str = "",
) -> str:
    """Write the card of a model: ``rows`` are its scored test answers, ``adapter`` says whether the base is apart.

    ``note`` is a paragraph that comes first, for a model that was changed after the run.
    """
    model_class = build(config["objective"]).model_class
    front = yaml.safe_dump(_front(run, config, choices, metrics, model_class, adapter), sort_keys=False).strip()
    parts = (
        f"---\n{front}\n---\n\n# {run}",
        note,
        _training(config, choices, metrics),
        _data(choices, metrics["data"], "questions" if _answers(metrics) else "documents"),
        _results(metrics, run_estimates(rows)),
        _loading(config, encoder, model_class, adapter, _has_context(config)),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(
    run: str,
    config: Mapping[str, Any],
    choices: Mapping[str, str],
    metrics: Mapping[str, Any],
    model_class: str,
    adapter: bool,
) -> dict[str, Any]:
    """Return the metadata that Hugging Face reads."""
    base = None if config["rehearse"] else config["model"].get("path")
    dataset = choices.get("dataset", "custom")
    figures = [{"type": name, "name": METRICS[name].title, "value": metrics["test"][name]} for name in _shown(metrics)]
    task = "question-answering" if _answers(metrics) else "text-generation"
    result = {
        "task": {"type": task, "name": task.replace("-", " ").capitalize()},
        "dataset": {"type": dataset, "name": dataset, "split": "test"},
        "metrics": figures,
    }
    return {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": PIPELINES.get(model_class, "question-answering"),
        "tags": ["fsqa", task, f"loss-{choices.get('loss', 'custom')}"],
        **({"base_model": base} if base else {}),
        "model-index": [{"name": run, "results": [result]}],
    }


def _training(config: Mapping[str, Any], choices: Mapping[str, str], metrics: Mapping[str, Any]) -> str:
    chosen = {group: choices.get(group, "custom") for group in ("model", "dataset", "objective", "loss", "tuning")}
    cost, smoothing = metrics["cost"], config["loss"].get("smoothing")
    start = "A rehearsal: a tiny random model of the architecture, which knows nothing. " if config["rehearse"] else ""
    smoothed = f" (label smoothing {smoothing})" if smoothing is not None else ""
    return f"""{start}Trained by fsqa from `{chosen["model"]}` on `{chosen["dataset"]}`:
objective `{chosen["objective"]}`, loss strategy `{chosen["loss"]}`{smoothed}, tuning `{chosen["tuning"]}`,
{cost["trainable_parameters"]:,} of {cost["parameters"]:,} parameters learned,
seed {config["seed"]}, {cost["steps"]:,} steps of {config["batch_size"]} examples."""


def _answers(metrics: Mapping[str, Any]) -> bool:
    """Say whether the model answers questions; one of plain text only predicts documents."""
    return "exact_match" in metrics["test"]


def _data(choices: Mapping[str, str], data: Mapping[str, Any], asked: str) -> str:
    sizes = ", ".join(f"{data[split]['records']:,} {split}" for split in SPLITS)
    return f"Data: `{choices.get('dataset', 'custom')}`, {sizes} {asked}, sha256 `{data['sha256']}`."


def _results(metrics: Mapping[str, Any], known: Mapping[str, Estimate]) -> str:
    shown = _shown(metrics)
    asked = "questions" if _answers(metrics) else "documents"
    lines = [
        f"## Results\n\n| on {metrics['test']['examples']:,} test {asked} | "
        + " | ".join(METRICS[name].title for name in shown)
        + " |",
        f"| --- |{' ---: |' * len(shown)}",
        "| this model | " + " | ".join(_figure(metrics["test"][name], known.get(name)) for name in shown) + " |",
    ]
    for baseline, figures in metrics["baseline"].items():
        title = BASELINES.get(baseline, baseline.replace("_", " "))
        lines.append(f"| {title} | " + " | ".join(_figure(figures.get(name), None) for name in shown) + " |")
    told = f"""

In brackets: 95 % bootstrap interval over the test {asked}. It is one run with one seed, so the spread over seeds is
not in it; `fsqa report` compares several seeds."""
    if _answers(metrics):
        told += " Exact match and F1 after SQuAD normalisation, the best over all\nreferences."
    return "\n\n".join(("\n".join(lines) + told, *_warnings(metrics), *_signatures(metrics)))


def _shown(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    named = dict.fromkeys((*headlines(metrics["test"]), *ALSO_SHOWN))
    return tuple(name for name in named if name in metrics["test"])


def _warnings(metrics: Mapping[str, Any]) -> list[str]:
    """Say that the model knows its training questions by heart, if it does."""
    splits = [[metrics[split]] for split in ("train", "val", "test") if metrics.get(split)]
    known = [memory("it", metric, *splits) for metric in COMPARED] if len(splits) == 3 else []
    return [
        f"**{each.warning[:1].upper() + each.warning[1:]}.**" for each in known if each is not None and each.memorised
    ]


def _signatures(metrics: Mapping[str, Any]) -> list[str]:
    """Give the exact protocol of every figure shown that a package computed."""
    signed = metrics.get("signatures") or {}
    lines = [f"- {METRICS[name].title}: `{signed[name]}`" for name in _shown(metrics) if name in signed]
    return ["\n".join(lines)] if lines else []


def _loading(config: Mapping[str, Any], encoder: Encoder, model_class: str, adapter: bool, context: bool) -> str:
    """Tell how to load the model and ask it, in code that runs as it stands from the folder above ``model``."""
    if model_class == "AutoModelForQuestionAnswering" and not adapter:
        return f"## Loading\n\n{_code(_EXTRACTIVE)}"
    lines = [*_imports(model_class, adapter), 'tokenizer = AutoTokenizer.from_pretrained("model")']
    if adapter and model_class not in PEFT_CLASSES:
        lines += [
            'base = PeftConfig.from_pretrained("model").base_model_name_or_path',
            f'model = PeftModel.from_pretrained({model_class}.from_pretrained(base), "model")',
        ]
    else:
        lines += [f'model = {PEFT_CLASSES[model_class] if adapter else model_class}.from_pretrained("model")']
    layout, generation = build(config["prompt"]).bound(encoder.tokenizer), build(config["generation"])
    if isinstance(layout, BoundText) and isinstance(generation, Autoregressive):
        layout = layout.opening  # what it is asked with is a part of what it learned
    template = written_template(encoder, layout, context)
    if model_class == "AutoModelForCausalLM" and isinstance(generation, Autoregressive):
        lines += _asking(template, generation)
    end = encoder.tokenizer.decode([encoder.end_id])
    told = f"The answer ends with the end token `{end}` (id {encoder.end_id})."
    if model_class == "AutoModelForMaskedLM":
        told = f"The prompt is {template!r}: every mask is filled at once. {told}"
    return f"## Loading\n\n{_code(lines)}\n\n{told}"


def _asking(template: str, generation: Autoregressive) -> list[str]:
    settings = ", ".join(f"{name}={value!r}" for name, value in generation.for_clients().items())
    said = "tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True)"
    if generation.stop is not None:
        settings, said = f"{settings}, tokenizer=tokenizer", f"{said}.partition({generation.stop!r})[0]"
    return [
        "",
        f"prompt = {template!r}",
        'question = "who wrote the novel emma?"',
        'text = prompt.replace("{question}", question)',
        'ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]',
        f"said = model.generate(input_ids=ids, {settings})",
        f"print({said}.strip())",
    ]


_EXTRACTIVE = [
    "from transformers import AutoModelForQuestionAnswering, AutoTokenizer",
    "",
    'tokenizer = AutoTokenizer.from_pretrained("model")',
    'model = AutoModelForQuestionAnswering.from_pretrained("model")',
    'inputs = tokenizer("the question", "the document", return_tensors="pt")',
    "outputs = model(**inputs)  # start_logits and end_logits over the tokens",
]


def _imports(model_class: str, adapter: bool) -> list[str]:
    if not adapter:
        return [f"from transformers import {model_class}, AutoTokenizer", ""]
    if model_class in PEFT_CLASSES:
        return [f"from peft import {PEFT_CLASSES[model_class]}", "from transformers import AutoTokenizer", ""]
    return ["from peft import PeftConfig, PeftModel", f"from transformers import {model_class}, AutoTokenizer", ""]


def _has_context(config: Mapping[str, Any]) -> bool:
    return any("{context}" in text for segment in config["prompt"].get("segments") or [] for text in segment.values())


def _code(lines: Sequence[str]) -> str:
    return "```python\n" + "\n".join(lines) + "\n```"


def _figure(value: float | None, interval: Estimate | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" + (f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else "")
