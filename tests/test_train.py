"""The order of a run: what could refuse comes first, what takes long and refuses nothing comes last."""

import gc
from collections.abc import Callable

import pytest

import fsqa.fit
import fsqa.run_baselines
from fsqa.objective.module import ObjectiveModule
from tests.commands.lines import TINY, call


def watched(monkeypatch) -> list[str]:
    """Note the order of training and baselines, and how many modules there are when baselines begin."""
    order: list[str] = []

    def noting(name: str, plain: Callable):
        def noted(*arguments, **named):
            gc.collect()
            alive = sum(isinstance(thing, ObjectiveModule) for thing in gc.get_objects())
            order.append(f"{name}, {alive - before} there")
            return plain(*arguments, **named)

        return noted

    gc.collect()
    before = sum(isinstance(thing, ObjectiveModule) for thing in gc.get_objects())
    monkeypatch.setattr(fsqa.fit, "fit", noting("fit", fsqa.fit.fit))
    monkeypatch.setattr(fsqa.run_baselines, "baselines", noting("baselines", fsqa.run_baselines.baselines))
    return order


@pytest.mark.parametrize(
    ("words", "wanted"),
    [((), ["fit, 1 there", "baselines, 1 there"]), (("metrics=[text]",), ["baselines, 1 there", "fit, 1 there"])],
    ids=["nothing to refuse", "a scorer"],
)
def test_baselines_wait_where_they_refuse_nothing(words, wanted, monkeypatch, tmp_path):
    """And one model is there at a time: that which was trained is gone when the untouched one is made."""
    order = watched(monkeypatch)
    assert call("train", *TINY, "trainer.max_steps=2", *words, f"outputs={tmp_path}").code == 0
    assert order == wanted
