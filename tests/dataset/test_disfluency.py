"""Slips of speech: what is said wrong is put right, and what was meant can be told."""

import pytest

from fsqa.dataset.chance import Chance
from fsqa.dataset.disfluency import (
    CUES,
    FILLERS,
    QUESTION_WORDS,
    Span,
    afterthought,
    corrected,
    hesitant,
    misasked,
    names,
    restarted,
    retraced,
    substituted,
    uncapitalised,
    with_fillers,
    with_repetitions,
)
from fsqa.metrics.answers import exact_match, with_words

BORN = "Where was Ann Lee born?"
SPAN = Span(10, 17)


def chances(count=60):
    return [Chance(0, "slip", str(text)) for text in range(count)]


def test_a_span_is_of_its_text():
    assert SPAN.of(BORN) == "Ann Lee"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Where was Ann Lee born?", ["Ann Lee"]),
        ("Which river crosses the city of Lemquay?", ["Lemquay"]),
        ("Who wrote The Tale of the Tub in 1704?", ["The Tale of the Tub", "1704"]),
        ("Rome is the capital of what?", []),
        ("how many of 3,500 men came home in 2 days", ["3,500", "2"]),
        ("who founded rome", []),
        ("Where can I mean Rome?", ["Rome"]),
    ],
    ids=["person", "city", "title-and-year", "first-word", "numbers", "lower-case", "pronoun"],
)
def test_names(text, found):
    assert [span.of(text) for span in names(text)] == found


def test_substituted():
    said = {substituted(BORN, SPAN, "Bea", chance) for chance in chances(200)}
    assert said == {f"Where was Bea {cue} Ann Lee born?" for cue in CUES}


def test_retraced():
    before = {"was ", "Where was "}
    said = {retraced(BORN, SPAN, "Bea", chance) for chance in chances(300)}
    assert said == {f"Where was Bea {cue} {again}Ann Lee born?" for cue in CUES for again in before}


def test_afterthought():
    said = {afterthought(BORN, SPAN, "Bea", chance) for chance in chances(200)}
    assert said == {f"Where was Bea born {cue} Ann Lee?" for cue in CUES}
    assert afterthought("where was Ann born", Span(10, 13), "Bea", Chance(0, "", "")).endswith(" Ann")


def test_restarted():
    said = {restarted(BORN, "Who founded Rome?", chance) for chance in chances(300)}
    assert said == {f"Who founded {cue} where was Ann Lee born?" for cue in CUES}
    longer = {restarted(BORN, "Who founded the city of Rome?", chance).split(" of")[0] for chance in chances(300)}
    assert "Who founded the city" in longer


def test_misasked():
    said = {misasked(BORN, chance) for chance in chances(2000)}
    wrong = [word.capitalize() for word in QUESTION_WORDS if word != "where"]
    assert said == {f"{word} {cue} where was Ann Lee born?" for word in wrong for cue in CUES}


def test_hesitant():
    said = {hesitant("Who founded the town?", chance) for chance in chances(400)}
    once = {f"{before} {filler} {after}" for filler in FILLERS for before, after in [
        ("Who", "who founded the town?"),
        ("Who founded", "founded the town?"),
    ]}  # fmt: skip
    assert said == once | {"Who founded who founded the town?", "Who founded the founded the town?"}
    assert {hesitant("Why?", chance) for chance in chances(300)} == {f"{filler} why?" for filler in FILLERS}


def test_no_slip_scores_as_what_was_meant():
    meant = "In the end, who was the founder of the old town?"
    for chance in chances(500):
        assert not exact_match(hesitant(meant, chance), with_words((meant,)))


def test_fillers_come_at_their_rate_and_not_in_front():
    text = " ".join(["word"] * 5001)
    said = with_fillers(text, 0.1, Chance(0, "fillers", text))
    assert said.startswith("word ")
    assert said.count("word") == 5001
    added = len(said) - len(text)
    mean = sum(len(filler) + 1 for filler in FILLERS) / len(FILLERS)
    assert added / mean == pytest.approx(500, rel=0.15)
    assert with_fillers("", 1, Chance(0, "fillers", "")) == ""


def test_repetitions():
    assert with_repetitions("Who founded Rome?", 0, Chance(0, "", "")) == "Who founded Rome?"
    said = {with_repetitions("Who founded Rome?", 1, chance) for chance in chances()}
    assert said == {"Who who founded founded Rome?", "Who founded who founded Rome?", "Who who founded Rome?"}
    for chance in chances():  # an article alone would be lost on the metrics
        assert "the the" not in with_repetitions("Who is the king of the old town?", 1, chance)
    text = " ".join(map(str, range(5000)))
    extra = len(with_repetitions(text, 0.1, Chance(0, "", text)).split()) - 5000
    assert extra == pytest.approx(5000 / (1 + 0.1 * 0.5) * 0.1 * 1.5, rel=0.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Where is it?", "where is it?"), ("Rome is where?", "Rome is where?"), ("", "")],
    ids=["question", "name", "empty"],
)
def test_uncapitalised(text, expected):
    assert uncapitalised(text) == expected


def test_a_correction_names_what_the_other_question_names():
    other = "When did Bea Ray die?"
    said = [corrected(BORN, other, chance) for chance in chances(400)]
    begun = [one for one in said if one.startswith("When did")]
    assert len(begun) == pytest.approx(200, abs=30)
    named = [one for one in said if "Bea Ray" in one and one not in begun]
    assert len(named) == len(said) - len(begun)
    assert all("Ann Lee" in one for one in named)


def test_numbers_are_corrected_by_numbers():
    said = [corrected("What burned down in 1666?", "Was Ann born in 1815?", chance) for chance in chances(200)]
    assert not [one for one in said if "Ann" in one and not one.startswith("Was")]
    assert [one for one in said if one.startswith("What") and "1815" in one]


def test_without_names_a_correction_is_a_restart():
    for chance in chances():
        assert corrected("who founded rome", "when is noon", chance).startswith("when is ")
    assert corrected(BORN, BORN, Chance(0, "", "")) == BORN
