import pytest

from benchmarks.overhead import CHUNK, chunks_of, main, measure, table
from benchmarks.step_parts import PARTS
from fsqa.errors import InputError


def test_a_step_is_all_its_parts():
    cpu = [
        {"loss": 300.0, "framework": 100.0},
        {"loss": 100.0, "framework": 300.0},
        {"loss": 500.0, "framework": 200.0},
    ]
    wall = [{name: 2 * value for name, value in chunk.items()} for chunk in cpu]
    step, loss, framework = table({"wall": wall, "cpu": cpu})
    assert step == {"what": "step", "CPU us/step": 400.0, "least CPU us/step": 400.0, "wall us/step": 800.0}
    assert (loss["CPU us/step"], loss["least CPU us/step"], loss["wall us/step"]) == (300.0, 100.0, 600.0)
    assert framework["CPU us/step"] == 200.0


def test_chunks_are_between_the_ends_of_steps_and_the_first_is_left_out():
    slow_at_first = [{"loss": 5.0 + step * 1e-6} for step in range(1, 3 * CHUNK + 1)]
    assert chunks_of(slow_at_first) == [{"loss": pytest.approx(1.0)}] * 2


@pytest.mark.parametrize("speed", ["plain", "fast"])
def test_every_part_of_a_real_run_has_its_time(tmp_path, speed):
    found = measure(tmp_path, steps=60, rounds=1, speed=speed)
    for chunks in found.values():
        assert [tuple(chunk) for chunk in chunks] == [PARTS, PARTS]
        assert all(value > 0 for chunk in chunks for value in chunk.values())


def test_too_few_steps_are_told():
    with pytest.raises(InputError, match="--steps: wanted 40 or more"):
        main(["--steps", "39"])
