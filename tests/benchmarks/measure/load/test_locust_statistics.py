from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.load.locust_statistics import Statistics, fold, read
from benchmarks.model import LoadProfile

ONE = Statistics(
    duration_s=2.0,
    requests=4,
    errors={},
    latency_sum_ms=10.0,
    latency_minimum_ms=1.25,
    latency_maximum_ms=4.75,
    latencies_ms=((1, 2), (3, 1), (5, 1)),
    cpu_s=0.5,
    unanswered_ms=(),
)


def test_the_figures_of_one_process_are_those_of_locust() -> None:
    """Sum, shortest and longest are exact; percentiles are counts of whole milliseconds."""
    result = fold([ONE])

    assert (4, 2.0, 0.5) == (result.completed, result.duration_s, result.loader_cpu_s)
    assert {} == result.errors
    assert result.latency is not None
    assert (2.5, 1.25, 4.75) == (
        result.latency.average_ms,
        result.latency.minimum_ms,
        result.latency.maximum_ms,
    )
    assert 1.25 == result.latency.median_ms
    assert (4.75, 4.75, 4.75) == (result.latency.p90_ms, result.latency.p95_ms, result.latency.p99_ms)


@pytest.mark.parametrize(("counted_ms", "step_ms"), [(0, 1), (2, 1), (99, 1), (150, 10), (990, 10), (2_300, 100)])
def test_percentiles_have_the_step_of_their_counts(counted_ms: int, step_ms: float) -> None:
    """Locust counts whole milliseconds, and two digits above 100 ms."""
    latency = fold([dataclasses.replace(ONE, latencies_ms=((counted_ms, 4),))]).latency

    assert latency is not None
    assert step_ms == latency.step_ms


def test_what_locust_does_not_count_is_missing() -> None:
    """It is not 0, and there is no histogram finer than the counts."""
    result = fold([ONE])

    assert (None,) * 5 == (
        result.statuses,
        result.unfinished,
        result.sent_bytes,
        result.received_bytes,
        result.histogram,
    )


def test_several_processes_add_up() -> None:
    """Counts are added; the interval is the average; the CPU time is that of the busiest process."""
    other = Statistics(
        duration_s=2.2,
        requests=6,
        errors={"timeout": 1, "status": 1},
        latency_sum_ms=600.0,
        latency_minimum_ms=0.5,
        latency_maximum_ms=104.0,
        latencies_ms=((3, 1), (100, 5)),
        cpu_s=1.9,
    )

    result = fold([ONE, other])

    assert 8 == result.completed
    assert pytest.approx(2.1) == result.duration_s
    assert {"status": 1, "timeout": 1} == result.errors
    assert 1.9 == result.loader_cpu_s
    assert result.latency is not None
    assert (61.0, 0.5, 104.0) == (
        result.latency.average_ms,
        result.latency.minimum_ms,
        result.latency.maximum_ms,
    )
    assert (5.0, 100.0) == (result.latency.median_ms, result.latency.p90_ms)


def test_a_latency_below_half_a_millisecond_is_not_zero() -> None:
    """Locust counts it as 0 ms, but every answer takes time."""
    fast = dataclasses.replace(
        ONE, latency_sum_ms=1.2, latency_minimum_ms=0.2, latency_maximum_ms=0.45, latencies_ms=((0, 4),)
    )

    latency = fold([fast]).latency

    assert latency is not None
    assert (0.2, 0.2) == (latency.median_ms, latency.p99_ms)


def test_a_worker_without_a_request_takes_part() -> None:
    """That happens with a server that stalls."""
    idle = Statistics(
        duration_s=2.0,
        requests=0,
        errors={},
        latency_sum_ms=0.0,
        latency_minimum_ms=None,
        latency_maximum_ms=None,
        latencies_ms=(),
        cpu_s=0.1,
    )

    assert fold([ONE, idle]).latency == fold([ONE]).latency
    assert (0, None) == (fold([idle]).completed, fold([idle]).latency)


def test_nothing_valid_has_no_latency() -> None:
    """Locust's latencies are then those of failed requests."""
    failed = dataclasses.replace(ONE, errors={"body": 4})

    assert (0, {"body": 4}, None) == (fold([failed]).completed, fold([failed]).errors, fold([failed]).latency)


LOAD = LoadProfile(vus=4, duration_s=2.0, warmup_s=0.5, timeout_s=5.0)
"""What ``ONE`` may have done with two of the users."""


def test_what_a_worker_sends_is_read_back() -> None:
    """So are many requests in little CPU time, and an interval in which no request ended."""
    fast = dataclasses.replace(ONE, requests=9_500, latencies_ms=((0, 9_500),), latency_sum_ms=3_900.0, cpu_s=1.9)
    fast = dataclasses.replace(fast, latency_minimum_ms=0.2)
    idle = Statistics(
        duration_s=2.01,
        requests=0,
        errors={},
        latency_sum_ms=0,
        latency_minimum_ms=None,
        latency_maximum_ms=None,
        latencies_ms=(),
        cpu_s=0.0,
        unanswered_ms=(1_000.0, 1_000.0),
    )

    for sent in (ONE, fast, idle):
        assert sent == read(json.dumps(dataclasses.asdict(sent)), LOAD, 2)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"requests": 5}, "5 requests, 0 errors and 4 latencies do not go together"),
        ({"errors": {"status": 5}}, "4 requests, 5 errors"),
        ({"errors": {"made up": 1}}, "do not go together"),
        ({"duration_s": 1.0}, "an interval of 2 s took 1 s"),
        ({"duration_s": 100.0}, "took 100 s"),
        ({"cpu_s": 3.2}, "the loader used 3.2 s of CPU time in 2 s"),
        ({"requests": 10**6, "latencies_ms": [[0, 10**6]]}, "no process makes 1,000,000 requests in 0.5 s of CPU time"),
        ({"latency_minimum_ms": 4.0}, "between its shortest and its longest"),
        ({"latency_sum_ms": 1.0}, "between its shortest and its longest"),
        ({"latency_maximum_ms": 1e8}, "a latency of 100,000.0 s, from users who asked for 13.5 s"),
        (
            {"latency_maximum_ms": 2_000, "latency_sum_ms": 8_001, "requests": 5, "latencies_ms": [[2_000, 5]]},
            "2 users cannot have waited 8 s in all",
        ),
        ({"requests": True}, "not what a worker counts"),
        ({"requests": 4.0}, "not what a worker counts"),
        ({"requests": -4, "latencies_ms": [[1, -4]]}, "not what a worker counts"),
        ({"cpu_s": float("nan")}, "not what a worker counts"),
        ({"cpu_s": float("inf")}, "not what a worker counts"),
        ({"cpu_s": -1.0}, "not what a worker counts"),
        ({"cpu_s": "0.5"}, "not what a worker counts"),
        ({"cpu_s": None}, "not what a worker counts"),
        ({"errors": []}, "not what a worker counts"),
        ({"latencies_ms": 7}, "not what a worker counts"),
        ({"latencies_ms": [[1]]}, "not what a worker counts"),
        ({"latency_minimum_ms": None, "latency_maximum_ms": None}, "not what a worker counts"),
        ({"more": 1}, "not what a worker counts"),
    ],
)
def test_what_cannot_be_true_is_refused(changed: dict[str, Any], told: str) -> None:
    """The message says which figure is impossible."""
    with pytest.raises(LoadEngineError, match=told):
        read(json.dumps({**dataclasses.asdict(ONE), **changed}), LOAD, 2)


@pytest.mark.parametrize("text", [None, "", "[]", "null", "5", "[" * 100_000, "9" * 10_000, "{}"])
def test_anything_but_statistics_is_refused(text: object) -> None:
    """The message is the same for all."""
    with pytest.raises(LoadEngineError, match="not what a worker counts"):
        read(text, LOAD, 2)
