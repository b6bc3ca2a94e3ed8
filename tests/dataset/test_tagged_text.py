import pytest

from fsqa.errors import InputError
from fsqa.types import Record
from tests.dataset.presets import error, preset, read

NO_HOLDOUT = ("holdout.validation=0", "holdout.test=0")
REPLY = "I know of ships alone. <END>"


@pytest.fixture
def write(tmp_path):
    def write(text, name="facts.txt"):
        (tmp_path / name).write_bytes(text.encode())
        return tmp_path / name

    return write


def test_pairs_without_their_tags(write):
    file = write(
        "Who steers? <QUESTION>\nThe helmsman. <END>\n\n"
        "Where is\nnorth?<QUESTION> Ahead,\r\nmostly.\r\n\r\nLook up. <END>  \r\n"
        "And south? <QUESTION>\nAstern.<END>"
    )
    assert read(preset("tagged_text", file, *NO_HOLDOUT))[0] == [
        Record("facts:1", "Who steers?", ("The helmsman.",)),
        Record("facts:4", "Where is\nnorth?", ("Ahead,\r\nmostly.\r\n\r\nLook up.",)),
        Record("facts:9", "And south?", ("Astern.",)),
    ]


def test_refusals_of_empty_questions_are_left_out_and_counted(write):
    file = write("\n\n".join(["Who steers? <QUESTION>\nThe helmsman. <END>", *[f"<QUESTION>\n{REPLY}"] * 3]) + "\n")
    records, dropped = read(preset("tagged_text", file, *NO_HOLDOUT))
    assert [r.question for r in records] == ["Who steers?"]
    assert dropped == {"the question is empty": 3}
    assert error(preset("tagged_text", file, "empty=refuse")) == (
        "facts.txt:4: question: the text is empty; fill it in or remove the row"
    )


def test_other_tags(write):
    dataset = preset("tagged_text", write("a ||\nb ##\n"), "question_tag='||'", "end_tag='##'", *NO_HOLDOUT)
    assert [(r.question, r.answers) for r in read(dataset)[0]] == [("a", ("b",))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a <QUESTION>\nb <END>\n\nc\nd <END>\n",
            ":4: no '<QUESTION>' closes the question; write it after the question",
        ),
        ("notes\n\na <QUESTION>\nb <END>\n", ":1: no '<QUESTION>' closes the question; write it after the question"),
        (
            "\na <QUESTION>\nb\n\nc <QUESTION>\nd <END>\n",
            ":2: no '<END>' closes the answer; write it after the answer's",
        ),
        ("a <QUESTION>\nb\n", ":1: no '<END>' closes the answer; write it after the answer's last word"),
        ("a <QUESTION>\nb <END>\nnotes", ":3: no '<QUESTION>' closes the question; write it after the question"),
        ("a <QUESTION>\nb <END> c <END>\n", ":1: 'c <END>' stands behind '<END>'; begin a line with it"),
        ("\n", " has no rows; remove it, or give other files in dataset.files.train"),
    ],
    ids=["no_question", "notes", "no_end", "no_last_end", "tail", "behind", "nothing"],
)
def test_broken_files(write, text, message):
    assert error(preset("tagged_text", write(text))).startswith(f"facts.txt{message}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("end_tag=''", "dataset.end_tag is empty; give the tag that closes it, as in '<END>'"),
        ("end_tag='<QUESTION>'", "dataset.end_tag is dataset.question_tag, '<QUESTION>'; change one"),
    ],
    ids=["empty", "equal"],
)
def test_wrong_options(write, override, message):
    with pytest.raises(InputError, match=message):
        preset("tagged_text", write(""), override)
