"""Calls in parallel stop when nobody waits for them any more."""

import threading
import time
from importlib.util import find_spec

import joblib
import pytest

from uand import bits, parallel
from uand.backend import random_stream


def until_abandoned(begun: threading.Event, ended: threading.Event) -> None:
    try:
        while True:
            begun.set()
            parallel.check_wanted()
            time.sleep(0.001)
    finally:
        ended.set()


def test_threads_stop_when_their_results_are_left() -> None:
    begun, ended = threading.Event(), threading.Event()
    call = joblib.delayed(until_abandoned)(begun, ended)
    with parallel.results([call], 2, prefer="threads"):
        assert begun.wait(20)
        assert not ended.is_set()
    assert ended.wait(20)


def test_what_is_wanted_goes_on() -> None:
    parallel.check_wanted()  # outside of any call
    calls = [joblib.delayed(parallel.check_wanted)()] * 3
    with parallel.results(calls, 2, prefer="threads") as found:
        assert list(found) == [None] * 3


@pytest.fixture
def abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this thread one whose results have been left."""
    run = parallel._Run()
    run.abandoned = True
    monkeypatch.setattr(parallel._THREAD, "run", run, raising=False)


ENGINES = [
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(not find_spec("numba"), reason="no numba")),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("counter", ["count_histogram", "uncovered", "joint_histogram"])
def test_every_counter_stops(engine: str, counter: str, request: pytest.FixtureRequest) -> None:
    layer = bits.sample(40, 9, 0.3, random_stream(0))
    more = ([bits.prepare(layer, [1, 2])],) if counter == "joint_histogram" else ()
    count = getattr(bits.engine(engine), counter)
    count(layer, 0, 1, *more)
    request.getfixturevalue("abandoned")
    with pytest.raises(parallel.AbandonedError):
        count(layer, 0, 1, *more)


@pytest.mark.usefixtures("abandoned")
def test_drawing_a_layer_stops() -> None:
    with pytest.raises(parallel.AbandonedError):
        bits.sample(40, 9, 0.3, random_stream(0))
