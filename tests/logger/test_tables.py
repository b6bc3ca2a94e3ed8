from fsqa.logger.base import Table
from fsqa.logger.tables import BEFORE_AND_AFTER, answers, as_markdown, before_and_after, first

ROW = {
    "id": 7, "question": "who?", "references": ["ann", "anna"], "prediction": "ann", "exact_match": 1.0, "f1": 1.0
}  # fmt: skip


def test_answers_and_what_training_changed():
    assert answers([ROW, {"id": 8, "text": "no answer"}]).rows == (("7", "who?", "ann | anna", "ann", 1.0, 1.0),)
    untouched = ROW | {"prediction": "bob", "exact_match": 0.0, "f1": 0.25}
    compared = before_and_after([untouched, ROW], [ROW, ROW])
    assert compared.columns == BEFORE_AND_AFTER
    assert compared.rows == (
        ("7", "who?", "ann | anna", "bob", "ann", 0.0, 1.0, 0.25, 1.0, True),
        ("7", "who?", "ann | anna", "ann", "ann", 1.0, 1.0, 1.0, 1.0, False),
    )


def test_markdown_survives_what_models_say():
    table = Table(("answer", "F1"), (("a | b\n\nc", 0.5), ("d", 1 / 3)))
    assert as_markdown(first(table, 1)) == "| answer | F1 |\n| --- | --- |\n| a \\| b c | 0.500 |"
    assert first(table, 0).rows == ()
