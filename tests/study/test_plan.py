import pytest

from fsqa.errors import InputError
from fsqa.study.plan import Planned, read_plan, write_plan


def test_a_plan_is_read_as_it_was_written(tmp_path):
    assert read_plan(tmp_path) == ()
    planned = (Planned(run="a", overrides=("seed=0", "loss=all")), Planned(run="b", overrides=()))
    write_plan(tmp_path, planned)
    assert read_plan(tmp_path) == planned
    write_plan(tmp_path, planned[1:])
    assert read_plan(tmp_path) == planned[1:]


@pytest.mark.parametrize("text", ["{", '{"run": 1}', '[{"run": "a"}]'])
def test_a_broken_plan_is_told(tmp_path, text):
    write_plan(tmp_path, ())
    (tmp_path / ".sweep/plan.json").write_text(text)
    with pytest.raises(InputError, match=r"plan\.json: broken"):
        read_plan(tmp_path)
