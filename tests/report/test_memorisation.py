import pytest

from fsqa.report.memorisation import memorisation_notes, memory
from fsqa.report.small_tables import small_tables
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run
from tests.report.fake_topics import refusal_study


def numbers(score, examples):
    return [{"exact_match": score, "examples": examples}]


@pytest.mark.parametrize(
    ("train", "validation", "examples", "memorised"),
    [
        (1.0, 0.6, 100, True),
        (1.0, 0.6, 10, False),
        (0.7, 0.6, 100, False),
        (0.6, 1.0, 100, False),
        (0.75, 0.6, 10_000, True),
        (0.705, 0.6, 10_000, False),
    ],
    ids=["much", "few questions", "little", "the other way", "surely more than 10", "not surely more than 10"],
)
def test_memorised_is_what_surely_exceeds_ten_points(train, validation, examples, memorised):
    found = memory("a", "exact_match", numbers(train, examples), numbers(validation, examples), [])
    assert found.memorised == memorised
    assert found.gap == pytest.approx(train - validation)
    assert bool(found.warning) == memorised


def test_seeds_are_averaged_and_are_no_further_questions():
    one = memory("a", "exact_match", numbers(0.9, 30), numbers(0.6, 30), [])
    three = memory("a", "exact_match", 3 * numbers(0.9, 30), 3 * numbers(0.6, 30), 3 * numbers(0.5, 30))
    assert (three.low, three.high) == (one.low, one.high)
    assert (one.test, three.test) == (None, 0.5)


def test_what_is_zero_throughout_or_not_measured_is_none():
    assert memory("a", "sentence_bleu", [{"sentence_bleu": 0.0}], [{"sentence_bleu": 0.0}], []) is None
    assert memory("a", "exact_match", [], [], []) is None
    assert memory("a", "exact_match", numbers(1.0, 5), [{}], []) is None


def test_the_warning_is_a_note_and_stands_in_the_table(tmp_path):
    summary = summarise("s", read_study(refusal_study(tmp_path / "s")))
    (note,) = (note for note in summary.notes if note.startswith("Memorised"))
    assert note.startswith("Memorised: loss=answer knows 100.0 % of its training questions and ")
    table = next(table for table in small_tables(summary) if table.key == "memorisation")
    assert [line[:3] for line in table.lines] == [
        ("loss=answer", "Exact match", "100.0"),
        ("loss=answer_end", "Exact match", table.lines[1][2]),
    ]
    assert [bool(warned) for warned in table.warned] == [True, False]


def test_of_many_cells_a_few_are_named(tmp_path):
    for number in range(5):
        metrics = {"train": numbers(1.0, 90)[0], "val": numbers(0.2, 90)[0], "test": numbers(0.2, 90)[0]}
        changes = {"optimizer__learning_rate": number}
        add_run(tmp_path / "s", "all", 0, cell=str(number), metrics=metrics, changes=changes)
    (note,) = memorisation_notes(summarise("s", read_study(tmp_path / "s")).cells)
    assert note.count("knows 100.0 %") == 3
    assert note.endswith("2 more cells likewise.")
