from dataclasses import replace

import pytest

from fsqa.encode.windows import model_inputs
from fsqa.errors import InputError
from fsqa.model.tokenizer import read_tokenizer
from fsqa.types import Record, Role
from tests.builders import batch, configured, learned
from tests.reading import CONTEXT, pointer, prompt, reader, record, words

TOKENIZER = words("who wrote it when did she die ? ?")


def encode(encoder, *records):
    return encoder.examples([prompt(each) for each in records], [f"row '{each.id}'" for each in records])


def letters(example):
    return "".join(Role(role).name[0].lower() for role in example.roles)


def text(encoder, example):
    return " ".join(encoder.tokenizer.convert_ids_to_tokens(example.ids.tolist()))


def test_one_window():
    encoder = reader(TOKENIZER)
    (row,) = encode(encoder, record())
    assert text(encoder, row) == (
        "[CLS] who wrote it [SEP] emma was written by jane austen , in hampshire . she died in 1817 . [SEP]"
    )
    assert letters(row) == "ppppp" + "cccc" + "aa" + "ccccccccc" + "p"
    assert (row.truncated, row.record) == (0, 0)


def test_windows_cover_the_document_and_hold_all_of_the_answer_or_nothing():
    encoder = reader(TOKENIZER, max_length=12, max_question_tokens=5)
    rows = encode(encoder, record(), record("2", "who", "1817"), record("3", answer=""))
    firsts = [row for row in rows if row.record == 0]
    assert [text(encoder, row).split("[SEP]")[1].split() for row in firsts] == [
        ["emma", "was", "written", "by", "jane", "austen"],
        ["jane", "austen", ",", "in", "hampshire", "."],
        ["hampshire", ".", "she", "died", "in", "1817"],
        ["in", "1817", "."],
    ]
    assert [letters(row)[5:-1] for row in firsts] == ["ccccaa", "aacccc", "cccccc", "ccc"]
    assert [letters(row)[3:-1] for row in rows if row.record == 1] == ["cccccccc", "cccccccc", "cccccac"]
    assert not any("a" in letters(row) for row in rows if row.record == 2)
    assert [row.record for row in rows] == [0] * 4 + [1] * 3 + [2] * 4
    half = reader(TOKENIZER, max_length=9, max_question_tokens=1)  # emma was written by jane | jane austen , in ...
    assert [letters(row)[3:-1] for row in encode(half, record(question="who"))][:2] == ["ccccc", "aaccc"]


@pytest.mark.parametrize("length", range(1, 24))
def test_every_token_stands_in_a_window(length):
    encoder = reader(TOKENIZER, max_length=12, stride=4, max_question_tokens=1)
    context = " ".join(f"w{i}" for i in range(length))
    windows = encoder.windows([prompt(Record(id="1", question="who", answers=("",), context=context))])
    covered = [window.begin + i for window in windows for i in range(len(window.inside))]
    assert set(covered) == set(range(length))
    assert all(len(window.ids) <= 12 for window in windows)
    assert all(window.begin == 4 * i for i, window in enumerate(windows))
    assert sum(window.begin + len(window.inside) == length for window in windows) == 1, "none is all repetition"


@pytest.mark.parametrize("kind", ["words", "characters", "bytes"])
def test_the_answer_is_cut_out_as_it_stands(kind, character_tokenizer):
    tokenizer = {"words": TOKENIZER, "characters": character_tokenizer, "bytes": learned()}[kind]
    encoder = reader(tokenizer, max_length=60, stride=3)
    context = 'Émile  Zola (1840-1902) wrote "Nana": 日本語 too.\tEnd'
    for answer in ("Zola", "Émile  Zola", "1902", "Nana", "日本語", "End", "too"):
        if kind == "words" and answer == "日本語":
            continue
        asked = record("1", "who", answer, context)
        held = 0
        for row, window in zip(encode(encoder, asked), encoder.windows([prompt(asked)]), strict=True):
            places = [i for i, role in enumerate(row.roles) if role == Role.ANSWER]
            held += bool(places)
            if places:
                assert context[window.place(places[0], places[-1])] == answer
                assert places == list(range(places[0], places[-1] + 1))
        assert held, answer


def test_a_token_that_holds_a_letter_of_the_answer_belongs_to_it():
    encoder = reader(TOKENIZER)
    asked = replace(record(), answers=("ane aus",), answer_starts=(CONTEXT.index("ane aus"),))
    assert letters(encode(encoder, asked)[0])[9:11] == "aa"
    spaced = replace(record(), answers=(" jane austen",), answer_starts=(CONTEXT.index(" jane"),))
    assert letters(encode(encoder, spaced)[0]) == letters(encode(encoder, record())[0])


def test_long_questions_lose_their_beginning():
    encoder = reader(TOKENIZER, max_question_tokens=2)
    (row,) = encode(encoder, record())
    assert text(encoder, row).startswith("[CLS] wrote it [SEP] emma")
    assert row.truncated == 1


def test_asked_as_trained():
    encoder = reader(TOKENIZER, max_length=12, max_question_tokens=5)
    records = [record(), record("2", "when did she die", "1817"), record("3", answer="", context="emma")]
    rows, windows = encode(encoder, *records), encoder.windows([prompt(each) for each in records])
    assert [row.ids.tolist() for row in rows] == [window.ids for window in windows]
    assert [row.record for row in rows] == [window.record for window in windows]
    assert [letters(row).replace("a", "c") for row in rows] == [
        "".join(Role(role).name[0].lower() for role in window.roles()) for window in windows
    ]


def test_shared_documents_are_tokenised_once(monkeypatch):
    encoder, calls = reader(TOKENIZER), []
    tokenizer = encoder.tokenizer

    def counting(texts, **options):
        calls.append(list(texts))
        return tokenizer(texts, **options)

    monkeypatch.setattr(encoder, "tokenizer", counting)
    encoder.windows([prompt(record(str(i))) for i in range(5)])
    assert calls == [[CONTEXT]]


def test_real_vocabulary(shared):
    encoder = reader(read_tokenizer(str(shared / "models/bert-base-uncased-vocab"), None), 384, 128, 64)
    context = "The Émile Zola museum, 1840–1902, isn't far."
    (row,) = encode(encoder, record("1", "Who?", "1902", context))
    assert text(encoder, row) == ("[CLS] who ? [SEP] the emile z ##ola museum , 1840 – 1902 , isn ' t far . [SEP]")
    assert letters(row) == "pppp" + "cccccccc" + "a" + "cccccc" + "p"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (replace(record(), context=""), "row '1': wanted one document to find the answer in, got none"),
        (replace(record(), answer_starts=()), "row '1': nothing says where the answer stands"),
        (
            replace(record(), answer_starts=(3,)),
            "wanted the answer 'jane austen' at character 3 of the document, found",
        ),
    ],
)
def test_refused(asked, told):
    with pytest.raises(InputError, match=told):
        encode(reader(TOKENIZER), asked)


def test_no_room():
    with pytest.raises(InputError, match=r"max_length=14 has no room for .*raise max_length to 15 or more"):
        reader(TOKENIZER, max_length=14)
    assert reader(TOKENIZER, max_length=15).fingerprint == ["WindowEncoder", 15, 4, 8]


def test_an_answer_of_which_no_token_is_left():
    encoder = reader(TOKENIZER)
    asked = Record(id="1", question="who", answers=(" ",), context="emma  was", answer_starts=(4,))
    with pytest.raises(InputError, match="row '1': the answer ' ' has no token"):
        encode(encoder, asked)


def test_token_types():
    rows = batch("pppcaacp", "ppcp")
    inputs = model_inputs(pointer(40, "bert"), rows.ids, rows.roles)
    assert inputs["token_type_ids"].tolist() == [[0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0, 0]]
    assert inputs["attention_mask"].tolist() == [[1] * 8, [1] * 4 + [0] * 4]
    assert "token_type_ids" not in model_inputs(pointer(40), rows.ids, rows.roles)


def test_slow_tokenizers_are_refused():
    class Slow:
        is_fast, eos_token_id, bos_token_id, cls_token_id = False, 1, 0, 0

    with pytest.raises(InputError, match="needs a fast tokenizer"):
        reader(Slow())


def test_configured():
    encoder = configured("objective", "extractive").encoder(TOKENIZER, 384)
    assert (encoder.stride, encoder.max_question_tokens, encoder.max_length) == (128, 64, 384)
