from itertools import count

import pytest

from benchmarks.step_parts import Laps


@pytest.fixture
def laps(monkeypatch):
    """Laps by clocks that go on by 1 (wall) and 10 (processor) each time they are read."""
    wall, cpu = count(), count(0, 10)
    monkeypatch.setattr("benchmarks.step_parts.time.perf_counter", lambda: next(wall))
    monkeypatch.setattr("benchmarks.step_parts.time.process_time", lambda: next(cpu))
    return Laps()


def test_what_an_optimizer_calls_back_is_not_its_own(laps):
    done = []

    def step(closure):
        done.append("begun")
        return closure()

    def closure():
        laps.within("loss", lambda: done.append("loss"))()
        laps.within("backward", lambda: done.append("backward"))()
        return 5.0

    assert laps.optimizer_step(step)(closure=closure) == 5.0
    assert done == ["begun", "loss", "backward"]
    # Before the step; the optimizer before and after its closure; in there three gaps around two calls.
    assert laps.wall == {"loss": 1, "backward": 1, "clipping": 0, "optimizer": 2, "framework": 4}
    assert laps.cpu == {part: 10 * value for part, value in laps.wall.items()}


def test_the_clock_goes_back_after_an_error(laps):
    def failing():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        laps.within("loss", failing)()
    assert laps.switch("framework") == "framework"
