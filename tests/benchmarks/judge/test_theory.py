from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge.theory import (
    Capacity,
    Point,
    binding,
    bounds_per_s,
    log_theory,
    measure_capacity,
    placed,
    read_points,
    theory_per_s,
)
from benchmarks.model import Place, Run, Trial
from benchmarks.trials import gave_up, void_reason

repeatable = settings(deadline=None, derandomize=True, max_examples=40)
places = st.builds(
    Place, wait_ms=st.floats(min_value=0, max_value=1000), connections=st.floats(min_value=1, max_value=1e5)
)
capacities = st.builds(
    Capacity,
    contender=st.just("any"),
    threads=st.none() | st.integers(min_value=1, max_value=500),
    threads_seen=st.just("held"),
    most_waits=st.none(),
    cpu_us=st.none() | st.floats(min_value=1, max_value=1e5),
    cpu_busy=st.booleans(),
    service_ms=st.floats(min_value=0.001, max_value=100),
)
SIX_THREADS = Capacity(
    contender="any",
    threads=6,
    threads_seen="held",
    most_waits=6.0,
    cpu_us=500.0,
    cpu_busy=True,
    service_ms=1.0,
)


@repeatable
@given(capacities, st.lists(places, max_size=5))
def test_theory_is_the_same_of_one_place_and_of_many(capacity: Capacity, places: list[Place]) -> None:
    """In logarithms, and with and without a wait."""
    places = [*places, Place(0, 7), Place(20, 7)]

    assert [math.log(theory_per_s(capacity, place)) for place in places] == pytest.approx(
        log_theory(capacity, places).tolist()
    )


def of(run: Run, contender: str) -> list[Point]:
    """Return one contender's points."""
    return [point for point in read_points(run) if point.contender == contender]


@pytest.mark.parametrize(
    ("place", "name", "rate"),
    [
        (Place(100, 500), "threads", 60.0),
        (Place(99, 2), "connections", 20.0),
        (Place(0, 500), "cpu", 2000.0),
        (Place(0, 1), "connections", 1000.0),
    ],
)
def test_the_least_bound_binds(place: Place, name: str, rate: float) -> None:
    """Six threads, half a millisecond of CPU and one alone: each binds somewhere, by a rate that can be checked."""
    assert name == binding(SIX_THREADS, place)
    assert rate == pytest.approx(theory_per_s(SIX_THREADS, place))


def test_what_is_not_known_does_not_bind() -> None:
    """Without threads and CPU only the connections are left; without a wait threads are no limit."""
    unknown = dataclasses.replace(SIX_THREADS, threads=None, cpu_us=None)

    assert ["connections"] == list(bounds_per_s(unknown, Place(100, 5)))
    assert ["connections", "cpu"] == list(bounds_per_s(SIX_THREADS, Place(0, 5)))


@repeatable
@given(capacities, places)
def test_no_bound_lies_below_the_one_that_binds(capacity: Capacity, place: Place) -> None:
    """It is the least of those that are known, and above nothing."""
    known = bounds_per_s(capacity, place)

    assert 0 < theory_per_s(capacity, place) == known[binding(capacity, place)] == min(known.values())


@repeatable
@given(capacities, places, st.floats(min_value=1, max_value=100))
def test_theory_is_monotone(capacity: Capacity, place: Place, more: float) -> None:
    """More connections or threads never lower a rate; a longer wait or a dearer request never raises it."""
    rate = theory_per_s(capacity, place)

    assert rate <= theory_per_s(capacity, Place(place.wait_ms, place.connections * more))
    assert rate >= theory_per_s(capacity, Place(place.wait_ms * more, place.connections))
    if capacity.threads is not None:
        assert rate <= theory_per_s(dataclasses.replace(capacity, threads=2 * capacity.threads), place)
    if capacity.cpu_us is not None:
        assert rate >= theory_per_s(dataclasses.replace(capacity, cpu_us=capacity.cpu_us * more), place)


def test_capacities_are_measured(make_sweep: Callable[..., Run]) -> None:
    """What a server was made of is what its points give back."""
    capacity = measure_capacity("flask-sync@hypercorn", of(make_sweep(), "flask-sync@hypercorn"))

    assert (6, "held", True) == (capacity.threads, capacity.threads_seen, capacity.cpu_busy)
    assert 450.0 == pytest.approx(capacity.cpu_us, rel=1e-3)
    assert 0.7 == pytest.approx(capacity.service_ms)
    assert 6.0 == pytest.approx(capacity.most_waits)


def test_one_thread_alone_holds_no_wait(make_sweep: Callable[..., Run]) -> None:
    """An event loop waits for any number at once."""
    capacity = measure_capacity("x", of(make_sweep(), "fastapi-async@uvicorn"))

    assert (None, "free") == (capacity.threads, capacity.threads_seen)
    assert (capacity.most_waits or 0) > 300


def test_more_waits_than_threads_hold_none(make_sweep: Callable[..., Run]) -> None:
    """Threads that ran for something else are no limit."""
    points = [dataclasses.replace(point, running_threads=5) for point in of(make_sweep(), "fastapi-async@uvicorn")]

    assert (None, "free") == (measure_capacity("x", points).threads, measure_capacity("x", points).threads_seen)


def test_threads_that_were_never_all_wanted_are_not_known(make_sweep: Callable[..., Run]) -> None:
    """Two connections cannot show six threads."""
    capacity = measure_capacity("x", of(make_sweep([(0, 1), (20, 1), (20, 2)]), "flask-sync@hypercorn"))

    assert (None, "not reached") == (capacity.threads, capacity.threads_seen)


def test_without_an_observation_there_is_no_thread_and_no_cpu(make_sweep: Callable[..., Run]) -> None:
    """Other platforms do not tell: the bounds that need it are left out, not guessed."""
    capacity = measure_capacity("x", of(make_sweep(observed=False), "flask-sync@hypercorn"))

    assert (None, "not observed", None, False) == (
        capacity.threads,
        capacity.threads_seen,
        capacity.cpu_us,
        capacity.cpu_busy,
    )


def test_a_server_that_was_never_busy_gives_its_least_cpu(make_sweep: Callable[..., Run]) -> None:
    """The bound is then said to be of a server that was not at its limit."""
    run = make_sweep([(20, 1), (20, 2)])
    points = [dataclasses.replace(point, cpu_us=400.0 + point.visit) for point in of(run, "flask-sync@hypercorn")]

    assert (401.0, False) == (measure_capacity("x", points).cpu_us, measure_capacity("x", points).cpu_busy)
    assert measure_capacity("x", points[:1]).most_waits == pytest.approx(20 / 20.7)


def test_without_a_wait_there_are_no_waits(make_sweep: Callable[..., Run]) -> None:
    """Nothing is said of threads that nobody could hold."""
    capacity = measure_capacity("x", of(make_sweep([(0, 1), (0, 20)]), "flask-sync@hypercorn"))

    assert (None, None) == (capacity.most_waits, capacity.threads)


def with_result(**fields: object) -> Callable[[Trial], Trial]:
    """Change the result of a trial."""

    def change(trial: Trial) -> Trial:
        assert trial.result is not None
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, **fields))  # type: ignore[arg-type]

    return change


def test_points_are_placed_by_wait_and_connections(make_sweep: Callable[..., Run]) -> None:
    """Each has its visit, in which it is compared."""
    points = list(read_points(make_sweep([(20, 5), (0, 1)])))

    assert {(Place(20, 5), 1), (Place(0, 1), 2)} == {(point.place, point.visit) for point in points}
    assert 8 == len(points)


def test_waves_do_not_cut_a_rate(make_sweep: Callable[..., Run]) -> None:
    """Four waves of 500 answers fell into the interval, or five: the latency says 100 ms either way."""
    for waves in (4, 5):
        run = make_sweep([(100, 500)], change=with_result(completed=500 * waves))
        (point,) = [point for point in read_points(run) if point.contender == "fastapi-async@uvicorn"]

        assert 500 / 0.10025 == pytest.approx(point.rate_per_s)


def test_many_answers_a_connection_are_counted(make_sweep: Callable[..., Run]) -> None:
    """Nothing beats a count of hundreds of waves."""
    points = read_points(make_sweep([(0, 1)], change=with_result(completed=1234)))

    assert {2468.0} == {point.rate_per_s for point in points}


def test_connections_that_starve_are_not_forgotten(make_sweep: Callable[..., Run]) -> None:
    """Where those answered are the lucky ones, their latency promises what the count does not bear out."""
    points = read_points(make_sweep([(100, 20)], change=with_result(completed=20, hanging=0)))

    assert 40.0 == next(point.rate_per_s for point in points if point.contender == "fastapi-async@uvicorn")


def test_cpu_is_of_the_better_rate(make_sweep: Callable[..., Run]) -> None:
    """The observation divides by the count; a wave too many is a cost too low."""
    run = make_sweep([(100, 500)], change=with_result(completed=2000))
    (point,) = [point for point in read_points(run) if point.contender == "fastapi-async@uvicorn"]

    assert 120.0 == pytest.approx(point.cpu_us, rel=1e-3)


def test_what_does_not_count_says_why(make_sweep: Callable[..., Run]) -> None:
    """Clients that gave up are told from servers that died."""

    def spoil(trial: Trial) -> Trial:
        if trial.contender == "flask-sync@hypercorn":
            return dataclasses.replace(trial, failure="the server was killed by SIGKILL")
        if trial.contender == "flask-async@hypercorn":
            return with_result(completed=0, errors={"timeout": 3})(trial)
        return trial

    run = make_sweep([(20, 5)], change=spoil)

    assert [("flask-sync@hypercorn", False), ("flask-async@hypercorn", True)] == [
        (trial.contender, gave_up(trial)) for _, trial in placed(run) if void_reason(trial) is not None
    ]
    assert 2 == len(list(read_points(run)))


def test_other_trials_are_no_points(make_sweep: Callable[..., Run]) -> None:
    """A placebo, or a workload that the plan does not have, is on no map."""
    placebo = make_sweep([(20, 5)], change=lambda trial: dataclasses.replace(trial, placebo=True))
    foreign = make_sweep([(20, 5)], change=lambda trial: dataclasses.replace(trial, workload="health"))

    assert [] == [*read_points(placebo), *read_points(foreign)]


def test_a_loader_at_its_limit_is_noted(make_sweep: Callable[..., Run]) -> None:
    """The point stands, with the reason to doubt it."""
    points = list(read_points(make_sweep([(0, 1)], change=with_result(loader_cpu_s=0.5))))

    assert all("the loader used 100 %" in (point.loader_bound or "") for point in points)
