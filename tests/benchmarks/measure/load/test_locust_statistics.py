from __future__ import annotations

import dataclasses

import pytest

from benchmarks.measure.load.locust_statistics import Statistics, fold

ONE = Statistics(
    duration_s=2.0,
    requests=4,
    errors={},
    latency_sum_ms=10.0,
    latency_minimum_ms=1.25,
    latency_maximum_ms=4.75,
    latencies_ms=((1, 2), (3, 1), (5, 1)),
    cpu_s=0.5,
)


def test_one_process_is_told_as_locust_counted_it() -> None:
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


def test_what_locust_does_not_say_is_missing() -> None:
    """Not 0, and no histogram finer than it was."""
    result = fold([ONE])

    assert (None,) * 5 == (
        result.statuses,
        result.unfinished,
        result.sent_bytes,
        result.received_bytes,
        result.histogram,
    )


def test_several_processes_add_up() -> None:
    """Counts are added; the interval is the average one; the busiest process is the one that matters."""
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


def test_a_latency_below_half_a_millisecond_is_not_none() -> None:
    """Locust counts it as 0 ms; no answer takes no time."""
    fast = dataclasses.replace(
        ONE, latency_sum_ms=1.2, latency_minimum_ms=0.2, latency_maximum_ms=0.45, latencies_ms=((0, 4),)
    )

    latency = fold([fast]).latency

    assert latency is not None
    assert (0.2, 0.2) == (latency.median_ms, latency.p99_ms)


def test_a_worker_without_a_request_takes_part_all_the_same() -> None:
    """With fewer users than workers, or behind a server that stalls."""
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
    """Locust's latencies are those of failed requests then."""
    failed = dataclasses.replace(ONE, errors={"body": 4})

    assert (0, {"body": 4}, None) == (fold([failed]).completed, fold([failed]).errors, fold([failed]).latency)
