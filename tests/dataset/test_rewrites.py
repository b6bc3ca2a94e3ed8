"""The presets for rewritten questions, on the real files."""

import pytest

from tests.dataset.presets import counts, preset, read


@pytest.mark.parametrize(
    ("name", "file", "overrides", "sizes"),
    [
        ("rewrites", "noiseqa.jsonl.gz", ["fields.kind=kind"], (4_794, 288, 570)),
        ("rewrites", "msmarco_query_typos.jsonl.gz", [], (14_112, 831, 1_662)),
        ("rewrites", "dl_typo.jsonl", [], (43, 2, 5)),
        (
            "rewrites",
            "mqr.jsonl",
            ["fields.split=split", "split_values.train=[dev]", "split_values.validation=[]", "fields.kind=category"],
            (1_618, 85, 1_688),
        ),
        ("conversational_rewrites", "canard_dev.jsonl.gz", [], (2_286, 134, 269)),
        (
            "conversational_rewrites",
            "trec_cast.jsonl",
            [
                "fields.split=split",
                "split_values.train=[2019-eval]",
                "split_values.validation=[2020-eval]",
                "split_values.test=[2021-eval]",
            ],
            (451, 187, 191),
        ),
    ],
    ids=["noiseqa", "typos", "dl_typo", "mqr", "canard", "cast"],
)
def test_the_real_files(shared, name, file, overrides, sizes):
    dataset = preset(name, shared / "data/rewrite" / file, *overrides)
    assert counts(dataset) == sizes


def test_the_forms_of_one_question_are_never_parted(shared):
    dataset = preset("rewrites", shared / "data/rewrite/noiseqa.jsonl.gz", "fields.kind=kind")
    wanted = [{r.answers[0] for r in read(dataset, split)[0]} for split in ("train", "validation", "test")]
    assert len(set.union(*wanted)) == sum(map(len, wanted)) == 937


def test_what_was_said_before_is_the_context(shared):
    dataset = preset("conversational_rewrites", shared / "data/rewrite/trec_cast.jsonl", "holdout.test=0")
    records = {r.id: r for split in ("train", "validation") for r in read(dataset, split)[0]}
    assert records["cast2019-31_1"].context == ""
    assert records["cast2019-31_2"].context == "What is throat cancer?"
    assert records["cast2019-31_2"].answers == ("Is throat cancer treatable?",)
