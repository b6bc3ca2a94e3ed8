import gc

import pytest

from fsqa.data.collecting import collecting_only_new


@pytest.fixture(autouse=True)
def nothing_put_aside():
    before = gc.get_freeze_count()
    gc.unfreeze()
    yield
    if before:
        gc.freeze()


def test_what_is_new_is_collected_and_the_rest_comes_back():
    with collecting_only_new():
        assert gc.get_freeze_count() > 0
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect() >= 1
    assert gc.get_freeze_count() == 0


def test_it_ends_with_an_error_too():
    with pytest.raises(ValueError, match="full"), collecting_only_new():
        raise ValueError("full")
    assert gc.get_freeze_count() == 0


def test_what_others_put_aside_stays_aside():
    gc.freeze()
    with collecting_only_new():
        pass
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
