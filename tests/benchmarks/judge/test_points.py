from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge.points import read_blanks, read_points
from benchmarks.model import Place, Run, Trial


def with_result(**fields: object) -> Callable[[Trial], Trial]:
    """Change the result of a trial."""

    def change(trial: Trial) -> Trial:
        assert trial.result is not None
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, **fields))  # type: ignore[arg-type]

    return change


def test_points_are_placed_by_wait_and_connections(make_sweep: Callable[..., Run]) -> None:
    """Each has its visit, in which it is compared."""
    points = read_points(make_sweep([(20, 5), (0, 1)]))

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
        (blank.contender, blank.gave_up) for blank in read_blanks(run)
    ]
    assert "3 timeout" in read_blanks(run)[1].reason
    assert 2 == len(read_points(run))


def test_other_trials_are_no_points(make_sweep: Callable[..., Run]) -> None:
    """A placebo, or a workload that the plan does not have, is on no map."""
    placebo = make_sweep([(20, 5)], change=lambda trial: dataclasses.replace(trial, placebo=True))
    foreign = make_sweep([(20, 5)], change=lambda trial: dataclasses.replace(trial, workload="health"))

    assert () == read_points(placebo) == read_points(foreign)


def test_a_loader_at_its_limit_is_noted(make_sweep: Callable[..., Run]) -> None:
    """The point stands, with the reason to doubt it."""
    points = read_points(make_sweep([(0, 1)], change=with_result(loader_cpu_s=0.5)))

    assert all("the loader used 100 %" in (point.loader_bound or "") for point in points)
