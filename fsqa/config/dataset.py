"""The dataset of a config: the one that was chosen, with one's own test questions if there are any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsqa.config.instantiate import build
from fsqa.dataset.base import Dataset
from fsqa.dataset.own_test import WithTest
from fsqa.errors import InputError
from fsqa.prompt.text import Text


def build_dataset(config: Mapping[str, Any]) -> Dataset:
    """Build the dataset of a checked config; ``test_questions`` takes the place of its test split.

    Raises InputError for test questions that the prompt would never show.
    """
    dataset: Dataset = build(config["dataset"])
    file = config.get("test_questions")  # runs of before it was there have none
    if not file:
        return dataset
    prompt = build(config["prompt"])
    if isinstance(prompt, Text) and "{question}" not in prompt.text:
        raise InputError(
            f"test_questions: prompt.text={prompt.text!r} shows no question, so there would be nothing of them to "
            "score; put {question} into prompt.text, or leave test_questions out"
        )
    return WithTest(questions=dataset, file=file)
