from collections import Counter
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fsqa.dataset.table import Table
from fsqa.errors import InputError
from fsqa.types import Record

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(scope="module")
def defaults():
    with initialize_config_dir(str(CONF), version_base=None):
        options = OmegaConf.to_container(compose(overrides=["+dataset=csv"]).dataset)
    assert options.pop("_target_") == "fsqa.dataset.table.Table"
    return options


@pytest.fixture
def make(defaults, tmp_path):
    def make(content, name="a.csv", **options):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Table(**{**defaults, "holdout": {}, "path": str(file), **options})

    return make


def read(dataset):
    return list(dataset.records("train", Counter()))


def error(dataset):
    with pytest.raises(InputError) as caught:
        read(dataset)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(Path(dataset.path).parent), "FOLDER")


def test_blank_lines_are_none_of_the_rows(make):
    assert [r.id for r in read(make("question,answer\nq,x\n\n  \t\nr,y\n"))] == ["a:2", "a:5"]
    one_column = make("question\nq\n  \n", fields={"question": "question"}, shortest_answer=0)
    assert error(one_column) == "FOLDER/a.csv:3: question: the text is empty; fill it in or remove the row"


def test_a_row_becomes_a_record_whatever_the_order_of_the_columns(make):
    dataset = make(
        "topic,answer,extra,id,question,text\nsea, green ,x,7, what colour ,\n\nsky,blue,y,,which\u00a0one,above\n",
        fields={"id": "id", "question": "question", "answers": "answer", "context": "text", "kind": "topic"},
    )
    assert read(dataset) == [
        Record("7", "what colour", ("green",), "", "sea"),
        Record("a:4", "which\u00a0one", ("blue",), "above", "sky"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "delimiter"),
    [
        ("a.csv", "question,answer\nq 1,x\n", None),
        ("a.csv", "question,answer\r\nq 1,x\r\n", None),
        ("a.csv", b"\xef\xbb\xbfquestion,answer\nq 1,x", None),
        ("a.csv", b'\xef\xbb\xbf"question","answer"\n"q 1","x"\n', None),
        ("a.tsv", "question\tanswer\nq 1\tx\n", None),
        ("a.csv", "question;answer\nq 1;x\n", ";"),
    ],
)
def test_forms_of_the_same_table_read_alike(make, name, content, delimiter):
    assert read(make(content, name, delimiter=delimiter)) == [Record("a:2", "q 1", ("x",))]


def test_an_unnamed_column_of_row_numbers_is_ignored(make):
    assert read(make(",question,answer\n0,q,x\n")) == [Record("a:2", "q", ("x",))]


def test_a_quoted_cell_may_hold_the_delimiter_quotes_and_lines_and_rows_go_by_their_first_line(make):
    content = 'question,answer\n"who, or\n""what""\nis it",x\nnext,"y"\n'
    assert read(make(content)) == [Record("a:2", 'who, or\n"what"\nis it', ("x",)), Record("a:5", "next", ("y",))]


def test_quotes_can_be_letters_like_others(make):
    content = 'question\tanswer\n"X" is who\t5\'7" tall\n'
    assert error(make(content, "a.tsv")).startswith("FOLDER/a.tsv:2: broken row ('\t' expected after '\"')")
    assert read(make(content, "a.tsv", quoted=False)) == [Record("a:2", '"X" is who', ("5'7\" tall",))]


def test_columns_can_be_named_for_files_without_a_header(make):
    dataset = make("q 1\tx\nq 2\ty\n", "a.tsv", columns=["question", "answer"])
    assert [(record.id, record.question) for record in read(dataset)] == [("a:1", "q 1"), ("a:2", "q 2")]


@pytest.mark.parametrize(
    ("form", "separator", "cell", "answers"),
    [
        ("text", "|", "a|b", ("a|b",)),
        ("separated", "|", "a| b |c", ("a", "b", "c")),
        ("separated", "|", "a||b|", ("a", "b")),
        ("separated", " or ", "a or b", ("a", "b")),
        ("json", "|", '["a", "b, ""c"""]'.replace('""', '\\"'), ("a", 'b, "c"')),
        ("json", "|", "['Wilhelm Conrad Röntgen', \"d'Artagnan\"]", ("Wilhelm Conrad Röntgen", "d'Artagnan")),
    ],
)
def test_forms_of_answers(make, form, separator, cell, answers):
    dataset = make(
        f"question\tanswer\nq\t{cell}\n", "a.tsv", quoted=False, answers_form=form, answer_separator=separator
    )
    assert [record.answers for record in read(dataset)] == [answers]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "question,answer\nq,x\nr\n",
            {},
            "FOLDER/a.csv:3: wanted 2 columns (question, answer), came 1; mend the row, ",
        ),
        ("question,answer\nq,x,y\n", {}, "FOLDER/a.csv:2: wanted 2 columns (question, answer), came 3; mend the row, "),
        (
            "questoin,answer\nq,x\n",
            {},
            "FOLDER/a.csv:1: no column 'question' (dataset.fields.question) among questoin, answer; did you mean "
            "'questoin'?; name the columns in dataset.columns if the file has no header line",
        ),
        (
            "q,x\n",
            {"columns": ["question", "answers"]},
            "FOLDER/a.csv:1: no column 'answer' (dataset.fields.answers) among question, answers",
        ),
        (
            "question;answer\nq;x\n",
            {},
            "FOLDER/a.csv:1: no column 'question' (dataset.fields.question) among question;answer; did you mean "
            "'question;answer'?; nothing parts its columns: check dataset.delimiter",
        ),
        (
            f"question,answer\nq,{'[' * 100_000}\n",
            {"answers_form": "json"},
            "FOLDER/a.csv:2: answers: wanted a list such as",
        ),
        ("question,answer,answer\n", {}, "FOLDER/a.csv:1: the column 'answer' stands twice; give each column its own"),
        ("question,answer\n", {}, "FOLDER/a.csv has no rows; remove it, or give other files in dataset.files.train"),
        ("", {}, "FOLDER/a.csv has no rows; remove it, or give other files in dataset.files.train"),
        ("question,answer\n,x\n", {}, "FOLDER/a.csv:2: question: the text is empty; fill it in or remove the row"),
        ("question,answer\nq,\n", {}, "FOLDER/a.csv:2: answers: the text is empty; fill it in or remove the row"),
        (
            "question,answer\nq,|\n",
            {"answers_form": "separated"},
            "FOLDER/a.csv:2: answers: the list is empty; give an answer or remove the row",
        ),
        (
            "question,answer\nq,Paris\n",
            {"answers_form": "json"},
            'FOLDER/a.csv:2: answers: wanted a list such as ["a", "b"], came \'Paris\'; mend the cell, '
            "or check dataset.answers_form",
        ),
        ("question,answer\nq,[3]\n", {"answers_form": "json"}, "FOLDER/a.csv:2: answers: wanted a text, came int 3"),
        ('question,answer\nq,x\n"r,y\n', {}, "FOLDER/a.csv:3: broken row (unexpected end of data)"),
        (b"question,answer\nq,caf\xe9\n", {}, "FOLDER/a.csv:2: not UTF-8 (byte 0xe9 at column 6); save the file"),
    ],
)
def test_a_bad_table_is_named_with_its_line(make, content, options, message):
    assert error(make(content, **options)).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "||"}, r"dataset\.delimiter is '\|\|'; wanted one character, or null to go by the file name"),
        (
            {"answers_form": "jsn"},
            r"dataset\.answers_form is 'jsn'; wanted text, json, separated; did you mean 'json'\?",
        ),
        ({"answers_form": "separated", "answer_separator": ""}, r"dataset\.answer_separator is empty; give the text"),
    ],
)
def test_wrong_options_are_refused(make, options, message):
    with pytest.raises(InputError, match=message):
        make("", **options)


def test_the_fingerprint_follows_the_form_of_the_table(make):
    content = "question,answer\nq,x\n"
    variants = [{}, {"quoted": False}, {"answers_form": "separated"}, {"answer_separator": ";"}, {"delimiter": ","}]
    assert len({make(content, **options).fingerprint() for options in variants}) == 5
    assert make(content).fingerprint() == make(content).fingerprint()
