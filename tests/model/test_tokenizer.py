import json

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from fsqa.errors import InputError
from fsqa.model.tokenizer import END, PAD, START, learn_tokenizer, read_tokenizer, tokenizer_key
from tests.builders import characters, learned

TEXTS = ["who wrote the novel emma?", "où est né zola ?", "the end of the world"] * 5


def ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_learning_is_deterministic():
    one, other = learn_tokenizer(iter(TEXTS), 300), learn_tokenizer(iter(TEXTS), 300)
    assert one.get_vocab() == other.get_vocab()
    assert tokenizer_key(one) == tokenizer_key(other)
    assert ids(one, "who wrote zola") == ids(other, "who wrote zola")


def test_start_end_and_pad_are_tokens_of_their_own():
    tokenizer = learn_tokenizer(iter(TEXTS), 300)
    special = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert len(set(special)) == 3
    assert tokenizer.convert_ids_to_tokens(special) == [START, END, PAD]
    assert all(ids(tokenizer, text) and not set(special) & set(ids(tokenizer, text)) for text in TEXTS)


def test_no_special_token_is_added_to_a_text():
    tokenizer = learn_tokenizer(iter(TEXTS), 300)
    assert tokenizer("emma")["input_ids"] == ids(tokenizer, "emma")


@given(text=st.text(max_size=80))
@budget(max_examples=200)
def test_any_text_is_decoded_to_itself(learned_tokenizer, text):
    assert learned_tokenizer.decode(ids(learned_tokenizer, text)) == text


@pytest.mark.parametrize("text", ["it 's . a , test !", "  two  blanks ", " \n\t", "🚁\u200d日本", "\x00\x7f"])
def test_spaces_and_rare_characters_are_decoded_as_they_were(learned_tokenizer, text):
    assert learned_tokenizer.decode(ids(learned_tokenizer, text)) == text


def test_common_words_become_one_token():
    tokenizer = learn_tokenizer(iter(["emma"] * 50), 300)
    assert len(ids(tokenizer, "emma")) == 1


@pytest.mark.parametrize("vocabulary", [259, 260, 300])
def test_vocabulary_is_an_upper_bound(vocabulary):
    assert 259 <= len(learn_tokenizer(iter(TEXTS), vocabulary)) <= vocabulary


@pytest.mark.parametrize("vocabulary", [258, 10, 0, -1])
def test_too_small_a_vocabulary_is_refused(vocabulary):
    with pytest.raises(InputError, match=rf"model\.vocabulary: wanted at least 259 .*, got {vocabulary}"):
        learn_tokenizer(iter(TEXTS), vocabulary)


def test_keys_tell_tokenizers_apart():
    assert tokenizer_key(learned()) == tokenizer_key(learned())
    assert len({tokenizer_key(t) for t in (learned(), learned(280), characters())}) == 3


def test_saved_and_read_again(tmp_path):
    saved = learned()
    saved.save_pretrained(tmp_path)
    read = read_tokenizer(str(tmp_path), revision=None)
    assert tokenizer_key(read) == tokenizer_key(saved)
    assert (read.bos_token_id, read.eos_token_id, read.pad_token_id) == (0, 1, 2)
    assert ids(read, "who wrote emma") == ids(saved, "who wrote emma")


def test_folder_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(InputError, match=rf"model\.path: no tokenizer in {tmp_path}; .*model\.tokenizer_path"):
        read_tokenizer(str(tmp_path), revision=None)


def test_tokenizer_without_an_end_token_is_refused(tmp_path):
    tokenizer = learned()
    type(tokenizer)(tokenizer_object=tokenizer.backend_tokenizer, pad_token=PAD).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="has no end token; set eos_token"):
        read_tokenizer(str(tmp_path), revision=None)


def test_broken_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{not json")
    with pytest.raises(InputError, match="cannot load the tokenizer"):
        read_tokenizer(str(tmp_path), revision=None)


def test_unknown_hub_id_is_refused_without_the_network():
    with pytest.raises(InputError, match="cannot load the tokenizer of 'nobody/nothing'"):
        read_tokenizer("nobody/nothing", revision=None)


def test_bare_gpt2_files_are_gpt2s_tokenizer(shared):
    tokenizer = read_tokenizer(str(shared / "models" / "gpt2-tokenizer"), revision=None)
    golden = json.loads((shared / "models" / "golden.json").read_text())["gpt2-tokenizer"]
    assert len(tokenizer) == golden["vocab"]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (50256, 50256)
    for case in golden["cases"]:
        assert ids(tokenizer, case["text"]) == case["ids"]
        assert tokenizer.decode(case["ids"]) == case["text"]
