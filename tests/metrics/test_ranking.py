import json
from itertools import product

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fsqa.config.check import check_node
from fsqa.errors import InputError
from fsqa.metrics.ranking import Ranking
from fsqa.metrics.ranking_figures import FIGURES, METRICS, RANKERS
from fsqa.ranking import Bm25, Ranker
from fsqa.study.scores import run_estimates
from fsqa.types import Record
from tests.builders import CONF


class Lengths(Ranker):
    """Scores a document by its length, so that ranks can be told by eye."""

    def scores_of(self, queries, lists):
        return [np.array([len(document) for document in documents], dtype=np.float64) for documents in lists]


RECORDS = [
    Record(id="1", question="q one", answers=("an answer",), candidates=("aaaa", "aa", "a"), relevance=(0, 1, 0)),
    Record(id="2", question="q two", answers=(), candidates=("aaaa", "aa", "a"), relevance=(3, 0, 1)),
    Record(id="3", question="q three", answers=("x",), candidates=("aaaa", "aa"), relevance=(0, 0)),
]
SAID = ["aaa", "aaa", "aaaaa"]


def ranking(**changes) -> Ranking:
    settings = {"rankers": {"use": Lengths()}, "relevant": 1, "unanswerable": "separate", "ties": "input"}
    return Ranking(**{**settings, "passages": None, **changes})


def scored(scorer, said=SAID, records=RECORDS):
    """Rows with their columns, as in predictions.jsonl."""
    rows = [{"prediction": text} for text in said]
    return [row | columns for row, columns in zip(rows, scorer.columns(records, rows), strict=True)]


def test_columns():
    first, second, third = scored(ranking())
    assert first == {
        "prediction": "aaa",
        "no_relevant": 0,
        "ranking_counted_apart": 0,
        "ranking_counted": 1,
        "use_loc": 2,
        "use_relative_loc": 0.5,
        "use_top_1": 0,
        "use_top_3": 1,
        "use_top_5": 1,
        "use_fdaro_v1": 1,
        "use_fdaro_v2": 1,
        "use_up_quartile": 0,
        "use_ndcg_10": pytest.approx(1 / np.log2(3)),
        "use_reciprocal_rank": 0.5,
    }
    assert (second["use_fdaro_v1"], second["use_fdaro_v2"], second["use_reciprocal_rank"]) == (0, 1, 1)
    assert (third["no_relevant"], third["ranking_counted"], third["use_loc"], third["use_top_1"]) == (1, 0, 1, 1)
    json.dumps([first, second, third])


@pytest.mark.parametrize(
    ("policy", "loc", "top_1", "apart"),
    [
        ("separate", 2, 0, {"use_loc_no_relevant": 1, "use_top_1_no_relevant": 1}),
        ("skip", 2, 0, {}),
        ("count", 5 / 3, 1 / 3, {}),
    ],
    ids=["separate", "skip", "count"],
)
def test_questions_without_a_relevant_passage(policy, loc, top_1, apart):
    scorer = ranking(unanswerable=policy)
    rows = scored(scorer)
    figures = scorer.figures(rows)
    assert {name: each.mean for name, each in run_estimates(rows).items()} == pytest.approx(figures)
    assert figures["use_loc"] == pytest.approx(loc)
    assert figures["use_top_1"] == pytest.approx(top_1)
    assert figures["no_relevant_share"] == pytest.approx(1 / 3)
    assert {name: value for name, value in figures.items() if name.endswith("_no_relevant")} == apart


def test_every_figure_is_in_the_catalogue_and_is_the_mean_it_says():
    scorer = ranking()
    rows = scored(scorer)
    catalogue = {metric.name: metric for metric in METRICS}
    figures = scorer.figures(rows)
    assert len(figures) == len(FIGURES) + 2 + 1
    for name, value in figures.items():
        metric = catalogue[name]
        weights = [row[metric.weight] if metric.weight else 1 for row in rows]
        wanted = sum(w * row[metric.column] for w, row in zip(weights, rows, strict=True)) / sum(weights)
        assert value == pytest.approx(wanted)
        assert 0 <= value <= 1 or not metric.percent


def test_names_are_unique():
    assert len({metric.name for metric in METRICS}) == len(METRICS) == len(RANKERS) * 12 + 1


def test_a_figure_over_no_question_is_left_out():
    scorer = ranking()
    figures = scorer.figures(scored(scorer, SAID[2:], RECORDS[2:]))
    assert "use_loc" not in figures
    assert figures["use_loc_no_relevant"] == 1
    assert figures["no_relevant_share"] == 1


def test_the_grade_from_which_on_a_passage_counts():
    scorer = ranking(relevant=2)
    first, second, _ = scored(scorer)
    assert first["no_relevant"] == 1
    assert (second["no_relevant"], second["use_fdaro_v2"]) == (0, 0)


def test_passages_are_cut_or_filled_up():
    first, second, third = scored(ranking(passages=2))
    assert first["use_relative_loc"] == pytest.approx(2 / 3)
    assert second["use_fdaro_v2"] == 0, "the passage with grade 1 is cut"
    assert third["use_relative_loc"] == pytest.approx(1 / 3)
    padded = scored(ranking(passages=10))
    assert [row["use_relative_loc"] for row in padded] == pytest.approx([2 / 11, 2 / 11, 1 / 11])
    assert [row["use_ndcg_10"] for row in padded] == [row["use_ndcg_10"] for row in scored(ranking())]


@pytest.mark.parametrize(("ties", "loc"), [("input", 2), ("worst", 2), ("best", 1), ("expected", 1.5)])
def test_ties(ties, loc):
    assert scored(ranking(ties=ties), ["bbbb"], RECORDS[:1])[0]["use_loc"] == loc


def test_the_ranker_s_own_quality_does_not_depend_on_the_generated_text():
    bm25 = Bm25(method="lucene", k1=1.5, b=0.75, words="lower")
    scorer = ranking(rankers={"bm25": bm25})
    records = [Record(id="1", question="a b", answers=(), candidates=("a c", "b b", "d"), relevance=(0, 1, 0))]
    found = [scored(scorer, [text], records)[0] for text in ("", "a", "b b b b")]
    for name in ("bm25_ndcg_10", "bm25_reciprocal_rank"):
        assert len({row[name] for row in found}) == 1


def test_records_are_left_as_they_are():
    before = [*RECORDS]
    scored(ranking(passages=10))
    assert before == RECORDS


def test_controls():
    said = ranking(passages=2).baselines([], RECORDS)
    assert list(said) == ["query", "query_repeated", "random_passage", "human_answer"]
    assert said["query"] == ["q one", "q two", "q three"]
    assert said["query_repeated"] == ["q one q one", "q two q two", "q three q three"]
    assert said["human_answer"] == ["an answer", "", "x"]
    for text, record in zip(said["random_passage"], RECORDS, strict=True):
        assert text in ("aaaa", "aa", "a"), record.id


def test_signatures_tell_the_ranker_and_the_policies():
    scorer = ranking(rankers={"bm25": Bm25(method="okapi", k1=1.5, b=0.75, words="blanks")}, passages=10)
    rows = scored(scorer)
    signatures = scorer.signatures(rows)
    assert signatures["bm25_loc"] == (
        "Bm25(method='okapi', k1=1.5, b=0.75, words='blanks')|ties:input|relevant:1|unanswerable:separate|passages:10"
    )
    assert set(signatures) == set(scorer.figures(rows)) - {"no_relevant_share"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rankers": {}}, "metrics.ranking.rankers: wanted one or more rankers, came none"),
        (
            {"rankers": {"mini_lm": Lengths()}},
            "no figures are named after 'mini_lm'; did you mean 'minilm'?; take bm25",
        ),
        ({"relevant": 0}, "metrics.ranking.relevant: wanted a grade of 1 or more, came 0"),
        ({"passages": 0}, "metrics.ranking.passages: wanted 1 or more, came 0; null takes all"),
    ],
    ids=["no ranker", "unknown name", "relevant", "passages"],
)
def test_bad_settings(changes, message):
    with pytest.raises(InputError) as raised:
        ranking(**changes)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidates": (), "relevance": ()}, "record '1' has no passages to rank its answer among; take ranking out"),
        ({"relevance": (1,)}, "record '1' has 3 passages and 1 grades; give each passage a grade"),
    ],
    ids=["no passages", "grades"],
)
def test_bad_records(changes, message):
    record = Record(**{"id": "1", "question": "q", "answers": (), "candidates": ("a", "b", "c"), **changes})
    for use in (lambda: scored(ranking(), ["x"], [record]), lambda: ranking().baselines([], [record])):
        with pytest.raises(InputError) as raised:
            use()
        assert message in str(raised.value)


OPTIONS = sorted(path.stem for path in (CONF / "metrics").glob("ranking_*.yaml"))


def chosen(*options):
    """The config group as Hydra composes it."""
    with initialize_config_dir(str(CONF), version_base=None):
        return OmegaConf.to_container(compose(overrides=[f"+metrics=[{','.join(options)}]"]).metrics)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_add_one_ranker(option):
    plain, more = chosen("ranking")["ranking"], chosen(option)["ranking"]
    assert list(more["rankers"]) == ["bm25", option.removeprefix("ranking_")]
    assert {**more, "rankers": {"bm25": more["rankers"]["bm25"]}} == plain
    assert set(more["rankers"]) <= set(RANKERS)
    check_node("metrics", {"ranking": more}, [])


def test_options_can_be_taken_together():
    assert list(chosen("ranking", *OPTIONS)["ranking"]["rankers"]) == [
        "bm25",
        *(option.removeprefix("ranking_") for option in OPTIONS),
    ]


def sample(shared):
    """The real questions of MS MARCO with their passages."""
    rows = map(json.loads, (shared / "data/ranking/msmarco_v1.1_sample.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Record(
            id=str(row["query_id"]),
            question=row["query"],
            answers=tuple(row["answers"]),
            candidates=tuple(row["passages"]["passage_text"]),
            relevance=tuple(row["passages"]["is_selected"]),
        )
        for row in rows
    ]


@pytest.fixture(scope="module")
def controls(shared):
    """The figures of the controls on real questions, by BM25."""
    records = sample(shared)
    scorer = ranking(rankers={"bm25": Bm25(method="lucene", k1=1.5, b=0.75, words="lower")})
    return {name: scorer.figures(scored(scorer, said, records)) for name, said in scorer.baselines([], records).items()}


def test_controls_on_real_questions(controls):
    """A ranker that is fooled by nothing but the query, said again and again, is fooled by every such text."""
    assert controls["query_repeated"]["bm25_top_1"] > 0.9
    assert controls["random_passage"]["bm25_top_1"] < 0.05
    for better, worse in (("query_repeated", "query"), ("query", "human_answer"), ("human_answer", "random_passage")):
        assert controls[better]["bm25_loc"] < controls[worse]["bm25_loc"]
    for name, figure in product(controls, ("bm25_ndcg_10", "no_relevant_share")):
        assert controls[name][figure] == controls["query"][figure]


def test_definitions_hold_on_real_questions(shared):
    """v1 implies v2 where nothing is tied, a rank of 1 is the top, and so on."""
    records = sample(shared)
    scorer = ranking(rankers={"bm25": Bm25(method="lucene", k1=1.5, b=0.75, words="lower")})
    said = scorer.baselines([], records)["human_answer"]
    for row, record in zip(scored(scorer, said, records), records, strict=True):
        assert row["bm25_top_1"] == (row["bm25_loc"] == 1)
        assert row["bm25_top_3"] == (row["bm25_loc"] <= 3)
        assert row["bm25_top_1"] <= row["bm25_top_3"] <= row["bm25_top_5"]
        assert row["bm25_relative_loc"] == row["bm25_loc"] / (len(record.candidates) + 1)
        assert row["bm25_fdaro_v1"] <= row["bm25_fdaro_v2"]
