import pytest

from fsqa.report import study
from fsqa.report.finding import finding
from fsqa.report.page import render_page
from fsqa.report.page.headline import tiles
from fsqa.report.page.health import health
from fsqa.report.page.tables import results_table
from fsqa.report.reliability import reliabilities
from tests.report.fake_topics import ranking_study, refusal_study, rewriting_study
from tests.report.test_page import Page


def page_of(folder):
    summary = study.read(folder)
    return render_page(summary, finding(summary), (), (), reliabilities(summary))


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    return refusal_study(tmp_path_factory.mktemp("outputs") / "refusals")


@pytest.mark.parametrize("build", [rewriting_study, ranking_study], ids=lambda build: build.__name__)
def test_every_page_is_whole(tmp_path, build):
    page = Page(page_of(build(tmp_path / "s")))
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    assert "reliability" not in ids


def test_its_sections_are_linked(refusals):
    page = Page(page_of(refusals))
    assert {"kinds", "memorisation", "reliability"} <= set(page.values("id"))
    assert {"#kinds", "#memorisation", "#reliability"} <= set(page.values("href"))


def test_headlines_come_first(tmp_path):
    columns = [column.title for column in results_table(study.read(ranking_study(tmp_path / "s"))).columns]
    assert columns[:2] == ["Seeds", "BM25, rank of the answer"]
    # after the difference in the main metric
    assert columns[5:8] == ["BM25, top 1, %", "BM25, above all relevant, %", "Embedding, rank of the answer"]


def test_what_was_memorised_is_warned_of(refusals):
    found = health(study.read(refusals))
    assert found.titles[-1] == "Training − validation, points"
    assert [cell.symptoms[-1].warned for cell in found.cells] == [True, False]
    text = page_of(refusals)
    assert text.count("memorised: knows 100.0 % of its training questions") == 2
    assert "Memorised: loss=answer knows 100.0 %" in text


def test_questions_can_be_picked_by_topic(refusals):
    text = page_of(refusals)
    assert "<option>off topic</option><option>on topic</option>" in text
    assert 'data-kinds="on topic&#10;capital&#10;"' in text
    assert 'value="falsely_refused"' in text
    assert "is the fixed reply" in text


def test_signatures_stand_beside_the_protocols(tmp_path):
    text = page_of(rewriting_study(tmp_path / "s")).replace("<wbr>", "")
    assert '<span class="mono signature">nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:' in text


def test_ranked_texts_have_questions(tmp_path):
    assert "test questions" in [tile.name for tile in tiles(study.read(ranking_study(tmp_path / "s")))]
