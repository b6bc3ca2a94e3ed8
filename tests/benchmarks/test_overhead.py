import pytest

from benchmarks.overhead import Times, measure, table


def test_the_framework_is_what_goes_beyond_the_bare_loop():
    found = {name: Times() for name in ("bare", "collate", "fsqa")}
    for name, seconds in (("bare", 0.02), ("collate", 0.002), ("fsqa", 0.028)):
        found[name].add(seconds, seconds / 2, steps=20)
    framework = table(found)[-1]
    assert framework["what"] == "framework"
    assert framework["wall us/step"] == pytest.approx(400)
    assert framework["CPU us/step"] == pytest.approx(200)


def test_both_ways_train_for_real(tmp_path):
    found = measure(tmp_path, steps=60, rounds=1, speed="plain")
    assert [len(found[name].cpu) for name in ("bare", "collate", "fsqa")] == [2, 3, 2]
    assert all(value > 0 for times in found.values() for value in times.cpu)
