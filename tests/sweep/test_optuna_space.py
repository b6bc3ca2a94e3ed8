"""What is searched, as it is read from overrides."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from fsqa.config.compose import parse
from fsqa.errors import InputError
from fsqa.sweep.space import read_space


def space(*words):
    return read_space(parse(words))


@pytest.mark.parametrize(
    ("word", "distribution", "listed"),
    [
        ("a=x,y", CategoricalDistribution(["x", "y"]), ("x", "y")),
        ("a=1,null,'b c'", CategoricalDistribution(["1", "null", "'b c'"]), ("1", "null", "'b c'")),
        ("a=[1,2],{b:1}", CategoricalDistribution(["[1,2]", "{b:1}"]), ("[1,2]", "{b:1}")),
        ("a=choice(x,x,y)", CategoricalDistribution(["x", "y"]), ("x", "y")),
        ("a=range(1,10,2)", IntDistribution(1, 9, step=2), ("1", "3", "5", "7", "9")),
        ("a=range(5,0,-2)", IntDistribution(1, 5, step=2), ("1", "3", "5")),
        ("a=tag(log,range(1,5))", IntDistribution(1, 4, log=True), ("1", "2", "3", "4")),
        ("a=range(0,0.5,0.1)", FloatDistribution(0.0, 0.4, step=0.1), ("0.0", "0.1", "0.2", "0.3", "0.4")),
        ("a=interval(1,5)", FloatDistribution(1.0, 5.0), ()),
        ("a=tag(log,interval(1e-5,1e-2))", FloatDistribution(1e-5, 1e-2, log=True), ()),
        ("a=int(interval(4,16))", IntDistribution(4, 16), ()),
        ("a=tag(log,int(interval(4,16)))", IntDistribution(4, 16, log=True), ()),
        ("+a.b=x,y", CategoricalDistribution(["x", "y"]), ("x", "y")),
    ],
)
def test_sweeps_are_distributions(word, distribution, listed):
    read = space(word)
    key = word.split("=")[0]
    assert read.distributions == {key: distribution}
    assert read.dimensions[key].words == listed
    assert (read.fixed, read.seeds) == ((), ())


def test_fixed_values_stay_fixed_and_seeds_are_runs_of_one_trial():
    read = space("loss=all", "a=interval(0,1)", "~b", "seed=0,2,1", "c='x y'")
    assert read.fixed == ("loss=all", "~b", "c='x y'")
    assert read.seeds == (0, 2, 1)
    assert read.runs({"a": 0.25}) == tuple(
        ("loss=all", "~b", "c='x y'", "a=0.25", f"seed={seed}") for seed in (0, 2, 1)
    )
    assert space("a=interval(0,1)", "seed=3").runs({"a": 0.25}) == (("seed=3", "a=0.25"),)


def test_a_later_override_takes_the_place_of_an_earlier_one():
    """As the command line does with ``hydra.sweeper.params``."""
    read = space("a=interval(0,1)", "b=x,y", "seed=0,1", "a=0.5", "b=z,y", "seed=4")
    assert read.fixed == ("a=0.5", "seed=4")
    assert read.distributions == {"b": CategoricalDistribution(["z", "y"])}
    assert read.seeds == ()


def test_drawn_values_are_written_as_a_grid_would():
    """Binary fractions would make another run of the same value."""
    read = space("a=range(0,0.5,0.1)", "b=int(interval(1,9))", "c=x,y")
    assert read.changed({"a": 0.1 + 0.2, "b": 3, "c": "y"}) == ("a=0.3", "b=3", "c=y")


@pytest.mark.parametrize(
    ("word", "value", "written"),
    [
        ("a=tag(log,interval(1e-5,1e-2))", 0.00013880253392729841, "a=0.0001388"),
        ("a=tag(log,interval(1e-5,1e-2))", 1e-05, "a=1e-05"),
        ("a=interval(0,1)", 0.123456789, "a=0.1235"),
        ("a=interval(1000,1000.5)", 1000.123456789, "a=1000.12346"),
        ("a=interval(-2000,2000)", 123.456789, "a=123.5"),
        ("a=interval(0,0.123456)", 0.1234559, "a=0.1234559"),
        ("a=interval(0.3,0.3)", 0.3, "a=0.3"),
    ],
)
def test_numbers_of_an_interval_can_be_read(word, value, written):
    assert space(word).changed({"a": value}) == (written,)


def test_a_grid_is_every_combination():
    read = space("a=range(0,1,0.5)", "b=1,x")
    assert list(read.grid()) == [
        {"a": 0.0, "b": "1"},
        {"a": 0.0, "b": "x"},
        {"a": 0.5, "b": "1"},
        {"a": 0.5, "b": "x"},
    ]
    with pytest.raises(InputError, match=r"a: hydra.sweeper.sampler=grid needs a list of values and this is an int"):
        list(space("a=interval(0,1)").grid())


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("seed=interval(0,3)", "seeds are not searched"),
        ("seed=a,b", "seeds are not searched"),
        ("a=tag(lgo,interval(0,1))", r"no tag 'lgo' here; tag\(log"),
        ("a=tag(log,choice(1,2))", "no tag 'log' here; choices take none"),
        ("a=tag(log,interval(0,1))", "a logarithm wants numbers above 0, got 0"),
        ("a=tag(log,range(2,9,2))", "in steps of 1"),
        ("a=interval(2,1)", "wanted a low and then a high end, got 2.0 and 1.0"),
        ("a=range(3,3)", "the range is empty"),
        ("study=a,b", "study: no setting of the training"),
    ],
)
def test_what_cannot_be_searched(word, told):
    with pytest.raises(InputError, match=told):
        space(word)


def test_what_makes_trials_comparable():
    one = space("a=1,2", "b=interval(0,1)", "loss=all", "study=x", "+logger.a=1", "seed=0,1")
    two = space("study=y", "loss=all", "b=interval(0,1)", "a=1,2", "seed=0,1")
    assert one.description() == two.description()
    assert one.description()["fixed"] == ["loss=all"]
    for word in ("loss=answer", "a=1,3", "seed=0,2", "c=1,2"):
        assert space("a=1,2", "b=interval(0,1)", "loss=all", "seed=0,1", word).description() != one.description()
