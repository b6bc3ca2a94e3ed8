"""What runs of a study share: baselines are computed once for all that would find the same, and for no others."""

import pytest
from transformers import BertConfig, BertModel

from fsqa.baseline import most_frequent_answer, nearest_question
from fsqa.config.assemble import assemble, assemble_objective
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config
from fsqa.evaluation import Evaluator
from fsqa.model.pretrained import Pretrained
from fsqa.model.source import Wanted
from fsqa.run_baselines import _cached, baselines
from tests.builders import learned
from tests.commands.lines import TINY
from tests.model.test_pretrained import pretrained, save

DATA = [word for word in TINY if not word.startswith("model.")]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(folder, "gpt2")
    return folder


@pytest.fixture
def computed(tmp_path, monkeypatch):
    """Returns a function that gets a run's baselines and says which of them it had to compute."""
    done = []

    def counting(name, plain):
        return lambda *given: done.append(name) or plain(*given)

    monkeypatch.setattr(Evaluator, "evaluate", counting("untouched", Evaluator.evaluate))
    for plain in (most_frequent_answer, nearest_question):
        monkeypatch.setattr(f"fsqa.run_baselines.{plain.__name__}", counting(plain.__name__, plain))

    def computed(*words):
        done.clear()
        config = check_config(compose_config([*DATA, "generation.max_new_tokens=2", *words]))
        assembly = assemble(config, tmp_path)
        found = baselines(config, assembly, assemble_objective(config, assembly), tmp_path)
        assert set(found) == {"untouched", "most_frequent_answer", "nearest_question"}
        assert all(len(rows) == 20 for rows in found.values())
        return list(done)

    return computed


def test_of_pretrained_weights_one_for_all_seeds_and_ways_of_tuning(computed, saved):
    model = ("model=pretrained", f"model.path={saved}")
    assert computed(*model) == ["untouched", "most_frequent_answer", "nearest_question"]
    for words in (
        ("seed=1",),
        ("loss=balanced", "optimizer.lr=0.1"),
        ("tuning=freeze",),
        ("tuning=lora", "seed=2"),
        ("tuning=lora", "tuning.rank=2", "tuning.train_head=true"),
    ):
        assert computed(*model, *words) == [], words
    assert computed(*model, "generation.max_new_tokens=3") == ["untouched"], "other answers"
    assert computed(*model, "dataset.seed=1") == ["untouched", "most_frequent_answer", "nearest_question"]


def test_of_a_random_start_one_for_each_seed(computed):
    size = ("model.size.hidden_size=32", "model.vocabulary=400")
    assert computed(*size) == ["untouched", "most_frequent_answer", "nearest_question"]
    assert computed(*size, "seed=1") == ["untouched"]
    assert computed(*size, "loss=all") == []
    assert computed(*size, "tuning=lora", "seed=1") == []


def test_of_added_tokens_one_for_each_seed(computed, saved):
    model = ("model=pretrained", f"model.path={saved}", "model.added_tokens=['<Q>']")
    computed(*model)
    assert computed(*model) == []
    assert computed(*model, "seed=1") == ["untouched"]


def test_other_weights_in_the_same_folder_are_another_model(computed, saved, tmp_path):
    """As when a model is exported again to where it was."""
    folder = tmp_path / "model"
    model = ("model=pretrained", f"model.path={folder}")
    save(folder, "gpt2")
    computed(*model)
    changed = pretrained(folder).model(learned(), 64, seed=0)
    changed.get_input_embeddings().weight.data += 0.01
    changed.save_pretrained(folder)
    assert computed(*model) == ["untouched"]


def test_answers_may_hold_any_character(tmp_path):
    """Those too that end a line for some readers."""
    rows = [{"prediction": f"one{mark}two"} for mark in "\u2028\x85\x0b\n"]
    for _ in range(2):
        assert _cached(tmp_path, "key", lambda: rows) == rows


def test_the_seed_decides_a_new_head(tmp_path):
    tokenizer = learned()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(tokenizer), **size)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    source: Pretrained = pretrained(tmp_path)
    wanted = Wanted(model_class="AutoModelForQuestionAnswering", new_head=True)
    first, again, other = (source.model(tokenizer, 32, seed, wanted).qa_outputs.weight for seed in (0, 0, 1))
    assert first.equal(again)
    assert not first.equal(other)
