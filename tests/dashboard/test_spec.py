from fsqa.dashboard.spec import AnswerTable, Bars, Column, Curves, Importance, Parallel, ablation

MEASURED = ("test/exact_match", "test/f1", "test/stop_rate", "baseline/untouched/f1", "baseline/nearest_question/f1")


def page(settings=("choices.loss", "optimizer.lr"), measured=MEASURED):
    return ablation("study", settings=settings, measured=measured)


def panels(dashboard, kind):
    return [panel for section in dashboard.sections for panel in section.panels if isinstance(panel, kind)]


def test_a_bar_for_every_headline_beside_the_baselines_that_have_it():
    f1 = next(bars for bars in panels(page(), Bars) if bars.title == "F1")
    assert f1.metrics == ("test/f1", "baseline/untouched/f1", "baseline/nearest_question/f1")
    assert f1.names == ("trained", "untouched model", "nearest question")
    assert not [bars for bars in panels(page(), Bars) if bars.title == "Answer NLL"], "it was not measured"


def test_curves_run_over_steps_and_over_the_tokens_in_the_loss():
    drawn = {(curves.metrics, curves.axis) for curves in panels(page(), Curves)}
    for metric in ("val/answer_nll", "val/f1", "train/loss"):
        assert {((metric,), "step"), ((metric,), "loss_tokens")} <= drawn


def test_factors_are_what_cells_differ_in():
    dashboard = page()
    (parallel,) = panels(dashboard, Parallel)
    assert parallel.columns == dashboard.columns
    assert dashboard.columns[:2] == (
        Column("setting", "choices.loss", "loss"),
        Column("setting", "optimizer.lr", "optimizer.lr"),
    )
    assert [panel.metric for panel in panels(dashboard, Importance)] == [
        "test/exact_match",
        "test/f1",
        "test/stop_rate",
    ]
    assert not panels(page(settings=()), Parallel), "one cell has no factors"


def test_a_study_of_plain_text_has_no_headlines_but_curves():
    dashboard = page(measured=("test/perplexity",))
    assert not panels(dashboard, Importance)
    assert panels(dashboard, Curves)
    assert [table.name for table in panels(dashboard, AnswerTable)] == ["test/answers", "val/answers"]


def test_headlines_follow_what_was_measured():
    refusals = ("test/exact_match", "test/refusal_f1", "test/leak_rate", "baseline/refuse_everything/refusal_f1")
    bars = next(bars for bars in panels(page(measured=refusals), Bars) if bars.title == "Refusal F1")
    assert bars.metrics == ("test/refusal_f1", "baseline/refuse_everything/refusal_f1")
    ranking = page(measured=("test/bm25_loc", "test/bm25_top_1", "test/answer_nll"))
    assert [panel.metric for panel in panels(ranking, Importance)] == [
        "test/bm25_loc",
        "test/bm25_top_1",
        "test/answer_nll",
    ]
