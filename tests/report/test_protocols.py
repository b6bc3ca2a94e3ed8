from fsqa.metrics.catalogue import METRICS
from fsqa.report.markdown import markdown_table
from fsqa.report.protocols import protocols, signature_lines
from fsqa.report.summary import summarise
from fsqa.study.runs import read_study
from tests.report.fake_study import add_run
from tests.report.fake_topics import ranking_study, rewriting_study


def signed(folder, *signatures):
    for seed, signature in enumerate(signatures):
        metrics = {"test": {"exact_match": 0.5, "bleu": 0.5}, "signatures": {"bleu": signature}}
        add_run(folder, "all", seed, metrics=metrics)
    return summarise("s", read_study(folder))


def test_the_signature_stands_beside_the_protocol(tmp_path):
    summary = signed(tmp_path / "s", "nrefs:1|tok:13a")
    exact, bleu = protocols(("exact_match", "bleu"), summary.cells)
    assert (exact.told, exact.signatures) == (METRICS["exact_match"].protocol, ())
    assert bleu.signatures == ("nrefs:1|tok:13a",)


def test_cells_that_differ_in_it_are_told(tmp_path):
    summary = signed(tmp_path / "s", "tok:13a", "tok:intl")
    assert protocols(("bleu",), summary.cells)[0].signatures == ("tok:13a", "tok:intl")
    assert "Not computed alike in all cells: BLEU. Compare only those that share a signature." in summary.notes
    assert not [note for note in signed(tmp_path / "t", "a", "a").notes if "alike" in note]


def test_markdown_has_the_signatures(tmp_path):
    text = markdown_table(summarise("s", read_study(rewriting_study(tmp_path / "s"))), "A sentence.")
    assert "- BLEU: `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in text
    assert "- Sentence BLEU: `mean:sentence|" in text


def test_figures_that_share_a_signature_are_told_once(tmp_path):
    summary = summarise("s", read_study(ranking_study(tmp_path / "s")))
    ((titles, signature),) = signature_lines(summary.metrics, summary.cells)
    assert titles == "BM25, rank of the answer; BM25, relative rank; BM25, top 1; and 7 more"
    assert signature == "Ranker(k1=1.5)|ties:input|bm25"
