from collections import Counter
from dataclasses import replace

import pytest

from fsqa.data import learned
from fsqa.data.learned import prepare_tokenizer
from fsqa.data.prepare import prepare_records
from fsqa.dataset.atlas import Atlas
from fsqa.errors import InputError
from fsqa.model.scratch import Scratch
from fsqa.model.tokenizer import tokenizer_key

SOURCE = Scratch(
    architecture="gpt2",
    size={},
    vocabulary=400,
    tokenizer_path=None,
    added_tokens=[],
    dtype="float32",
    attention=None,
    gradient_checkpointing=False,
    compile=False,
)
ATLAS = Atlas(questions=300, phrasings=1, validation_questions=5, test_questions=5, seed=0)


@pytest.fixture
def records(tmp_path):
    return prepare_records(ATLAS, tmp_path)


@pytest.fixture
def lessons(monkeypatch):
    """How often each kind of tokenizer was learned."""
    counts = Counter()
    tokenizer = Scratch.tokenizer

    def counted(source, texts, kind="bytes"):
        counts[kind] += 1
        return tokenizer(source, texts, kind)

    monkeypatch.setattr(Scratch, "tokenizer", counted)
    return counts


def saved(tokenizer, folder):
    tokenizer.save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["bytes", "word_pieces"])
@pytest.mark.parametrize("added", [[], ["<A>", "<B>"]])
def test_it_is_the_one_that_the_source_learns(kind, added, records, tmp_path):
    source = replace(SOURCE, added_tokens=added)
    wanted = source.tokenizer(records.splits["train"].texts, kind)
    first, again = (prepare_tokenizer(source, kind, records, tmp_path) for _ in range(2))
    assert tokenizer_key(first) == tokenizer_key(again) == tokenizer_key(wanted)
    assert again.get_vocab() == wanted.get_vocab()
    assert again.init_kwargs == wanted.init_kwargs
    assert again.name_or_path == wanted.name_or_path
    assert again.model_input_names == wanted.model_input_names
    assert again.added_tokens_decoder == wanted.added_tokens_decoder
    text = "Who wrote <A> The Silver Lantern, né à Paris?"
    assert again(text) == wanted(text)
    assert again.decode(again(text)["input_ids"]) == wanted.decode(wanted(text)["input_ids"])
    assert saved(again, tmp_path / "again") == saved(wanted, tmp_path / "wanted")


def test_it_is_learned_once_whatever_is_added(records, lessons, tmp_path):
    for added in ([], ["<A>"], []):
        tokenizer = prepare_tokenizer(replace(SOURCE, added_tokens=added), "bytes", records, tmp_path)
        assert ("<A>" in tokenizer.get_vocab()) == bool(added)
    assert lessons == {"bytes": 1}


def test_other_data_kinds_and_sizes_are_learned_apart(records, lessons, tmp_path, monkeypatch):
    def key(source=SOURCE, kind="bytes", found=records):
        return tokenizer_key(prepare_tokenizer(source, kind, found, tmp_path))

    other = prepare_records(replace(ATLAS, seed=1), tmp_path)
    keys = {key(), key(replace(SOURCE, vocabulary=350)), key(kind="word_pieces"), key(found=other)}
    assert len(keys) == 4
    assert lessons == {"bytes": 3, "word_pieces": 1}
    monkeypatch.setattr("tokenizers.__version__", "another")
    assert key() in keys
    assert lessons["bytes"] == 4


def test_changed_code_learns_anew(records, lessons, tmp_path, monkeypatch):
    prepare_tokenizer(SOURCE, "bytes", records, tmp_path)
    changed = tmp_path / "changed.py"
    changed.write_text("changed", encoding="utf-8")
    monkeypatch.setattr(learned.word_pieces, "__file__", str(changed))
    prepare_tokenizer(SOURCE, "bytes", records, tmp_path)
    assert lessons["bytes"] == 2


def test_a_tokenizer_that_is_read_is_not_kept(records, lessons, tmp_path):
    prepare_tokenizer(SOURCE, "bytes", records, tmp_path).save_pretrained(tmp_path / "own")
    before = list((tmp_path / "tokenizers").iterdir())
    source = replace(SOURCE, tokenizer_path=str(tmp_path / "own"))
    assert prepare_tokenizer(source, "bytes", records, tmp_path).get_vocab()
    assert list((tmp_path / "tokenizers").iterdir()) == before
    assert lessons["bytes"] == 2


def test_a_vocabulary_too_small_is_refused_and_leaves_nothing(records, tmp_path):
    with pytest.raises(InputError, match="wanted at least 259"):
        prepare_tokenizer(replace(SOURCE, vocabulary=10), "bytes", records, tmp_path)
    assert list((tmp_path / "tokenizers").iterdir()) == []
