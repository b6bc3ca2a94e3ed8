import json
import string

import pytest
from transformers import AutoTokenizer, DistilBertConfig

from fsqa.errors import InputError
from fsqa.model.tokenizer import read_tokenizer, tokenizer_key
from fsqa.model.word_pieces import LEAST, SPECIAL, learn_word_pieces
from tests.builders import scratch
from tests.commands.lines import spawn

TEXTS = ["Who wrote the novel Emma?", "Où est né Zola ?", "the end of the world", "the 12 apostles"] * 5


def ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_bare_bert_vocabulary_is_berts_tokenizer(shared):
    tokenizer = read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)
    golden = json.loads((shared / "models" / "golden.json").read_text())["bert-base-uncased-vocab"]
    assert len(tokenizer) == golden["vocab"]
    for case in golden["cases"]:
        assert tokenizer(case["text"])["input_ids"] == case["ids"]
        assert tokenizer.convert_ids_to_tokens(case["ids"]) == case["tokens"]
        assert [101, *ids(tokenizer, case["text"]), 102] == case["ids"]


def test_chinese_characters_and_punctuation_stand_alone(shared):
    tokenizer = read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)
    assert tokenizer.tokenize("a中国b") == ["a", "中", "国", "b"]
    assert tokenizer.tokenize("it's 3.5%!") == ["it", "'", "s", "3", ".", "5", "%", "!"]
    assert tokenizer.tokenize("unaffable") == ["una", "##ffa", "##ble"]


def test_learning_is_deterministic():
    one, other = learn_word_pieces(iter(TEXTS), 200), learn_word_pieces(iter(TEXTS), 200)
    assert one.get_vocab() == other.get_vocab()
    assert tokenizer_key(one) == tokenizer_key(other)


def test_special_tokens_come_first_as_in_bert():
    tokenizer = learn_word_pieces(iter(TEXTS), 200)
    assert tokenizer.convert_ids_to_tokens(list(range(5))) == SPECIAL
    special = (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert (*special, tokenizer.mask_token_id) == (0, 1, 2, 3, 4)
    assert tokenizer.eos_token_id is None


@pytest.mark.parametrize("text", ["WHO wrote", "who  wrote", "Né Zolá", "né zola"])
def test_text_is_lower_case_without_accents(text):
    tokenizer = learn_word_pieces(iter(TEXTS), 400)
    plain = text.lower().replace("é", "e").replace("á", "a")
    assert ids(tokenizer, text) == ids(tokenizer, plain)
    assert tokenizer.decode(ids(tokenizer, text)) == " ".join(plain.split())


def test_common_words_become_one_token_and_others_pieces():
    tokenizer = learn_word_pieces(iter(["emma"] * 50 + TEXTS), 300)
    assert tokenizer.tokenize("emma") == ["emma"]
    pieces = tokenizer.tokenize("emmat")
    assert (pieces[0], len(pieces) > 1, pieces[1][:2]) == ("emma", True, "##")


def test_ascii_is_known_though_never_seen_and_the_rest_only_if_seen():
    tokenizer = learn_word_pieces(iter(["what about 日", *["novel"] * 9]), 160)
    assert tokenizer.tokenize("novel! 日中") == ["novel", "!", "日", "[UNK]"]
    for character in string.printable:
        assert tokenizer.unk_token_id not in ids(tokenizer, f"{character} a{character}a")


def test_learning_is_the_same_in_another_process():
    code = "from tests.model.test_word_pieces import TEXTS, learn_word_pieces, tokenizer_key; "
    other = spawn(code=f"{code}print(tokenizer_key(learn_word_pieces(iter(TEXTS), 200)))")
    assert other.stdout.strip() == tokenizer_key(learn_word_pieces(iter(TEXTS), 200)), other.stderr


@pytest.mark.parametrize("vocabulary", [LEAST, 150, 300])
def test_vocabulary_is_an_upper_bound_however_many_characters_there_are(vocabulary):
    texts = [*TEXTS, "".join(map(chr, range(0x4E00, 0x4F00)))]
    assert len(learn_word_pieces(iter(texts), vocabulary)) <= vocabulary


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(InputError, match=r"model\.vocabulary: wanted at least 120 word pieces, got 119"):
        learn_word_pieces(iter(TEXTS), LEAST - 1)


def test_saved_and_read_again(tmp_path):
    saved = learn_word_pieces(iter(TEXTS), 200)
    saved.save_pretrained(tmp_path)
    DistilBertConfig(vocab_size=len(saved)).save_pretrained(tmp_path)
    for read in (read_tokenizer(str(tmp_path), revision=None), AutoTokenizer.from_pretrained(tmp_path)):
        assert tokenizer_key(read) == tokenizer_key(saved)
        assert ids(read, "Who wrote Zola?") == ids(saved, "Who wrote Zola?")
        assert (read.cls_token_id, read.sep_token_id, read.mask_token_id) == (2, 3, 4)


def test_bert_saved_by_fsqa_is_read_by_others(shared, tmp_path):
    saved = read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)
    saved.save_pretrained(tmp_path)
    DistilBertConfig().save_pretrained(tmp_path)
    read = AutoTokenizer.from_pretrained(tmp_path)
    assert read("Où est né Zola? 🚁")["input_ids"] == saved("Où est né Zola? 🚁")["input_ids"]


def test_the_kind_decides_what_is_learned():
    source = scratch("distilbert", vocabulary=300)
    assert source.tokenizer(lambda: iter(TEXTS), "word_pieces").mask_token == "[MASK]"
    assert source.tokenizer(lambda: iter(TEXTS), "bytes").mask_token is None
