from __future__ import annotations

import dataclasses

import pytest

from benchmarks.measure.load.k6 import read_summary
from benchmarks.measure.load.locust_statistics import Statistics, fold
from benchmarks.model import LatencySummary, LoadProfile, LoadResult, Trial
from benchmarks.trials import count_hanging, impossibility, void_reason
from tests.benchmarks.measure.load.test_k6_summary import with_part

LOAD = LoadProfile(vus=10, duration_s=30.0, warmup_s=2.0)
LATENCY = LatencySummary(
    average_ms=1.18, minimum_ms=0.215, median_ms=1.179, maximum_ms=5.87, p90_ms=1.23, p95_ms=1.27, p99_ms=1.9
)
BUILTIN = LoadResult(
    completed=249_101,
    duration_s=30.001,
    errors={},
    statuses={"200": 249_101},
    unfinished=10,
    sent_bytes=19_928_080,
    received_bytes=38_859_756,
    loader_cpu_s=12.5,
    latency=LATENCY,
    histogram=None,
    hanging=0,
)
LOCUST = Statistics(
    duration_s=30.0,
    requests=20_000,
    errors={},
    latency_sum_ms=290_000.0,
    latency_minimum_ms=1.25,
    latency_maximum_ms=50.0,
    latencies_ms=((14, 19_000), (20, 900), (50, 100)),
    cpu_s=25.0,
    unanswered_ms=(),
)
K6 = "metrics/http_req_duration{expected_response:true}/values"


def trial_of(result: LoadResult) -> Trial:
    """Make a trial of a result."""
    return Trial(
        round=1,
        position=1,
        contender="fastapi-async@uvicorn",
        workload="health",
        started_at="2026-01-01T00:00:00.000+00:00",
        load=LOAD,
        result=result,
        observation=None,
    )


def k6_of(part: str, value: object) -> LoadResult:
    """Read k6's summary of the tutorial's load with one part changed."""
    return read_summary(with_part(part, value), 12.5, 2)


def test_the_tutorials_figures_can_be_true() -> None:
    """From whichever engine."""
    whole = k6_of("metrics/vus", {})

    assert (None, None, None) == (
        impossibility(whole, LOAD, earlier_s=0.0),
        void_reason(trial_of(BUILTIN)),
        void_reason(trial_of(fold([LOCUST]))),
    )


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (k6_of(f"{K6}/max", 31_000), "a latency of 31.0 s, from users who asked for 30.0012 s"),
        (k6_of(f"{K6}/avg", 6.0), "its average latency is not between its shortest and its longest"),
        (k6_of("metrics/http_reqs/values/count", 300_000), "10 users cannot have waited 354 s in all in 30.0012 s"),
        (k6_of("state/testRunDurationMs", 60_000), "an interval of 30 s took 60 s"),
        (k6_of("state/testRunDurationMs", 15_000), "an interval of 30 s took 15 s"),
        (k6_of(f"{K6}/p(95)", 1.0), "its latencies do not ascend"),
        (k6_of(f"{K6}/min", -1.0), "-1 stands where something was counted or measured"),
        (fold([dataclasses.replace(LOCUST, latency_sum_ms=2e6)]), "its average latency is not between"),
        (fold([dataclasses.replace(LOCUST, cpu_s=50.0)]), "the loader used 50 s of CPU time in 30 s"),
        (fold([dataclasses.replace(LOCUST, latency_maximum_ms=2e8)]), "a latency of 200,000.0 s"),
        (dataclasses.replace(BUILTIN, completed=-1), "-1 stands where"),
        (dataclasses.replace(BUILTIN, unfinished=11), "11 requests in flight at the end, of 10 users"),
        (dataclasses.replace(BUILTIN, received_bytes=-5), "-5 stands where"),
        (dataclasses.replace(BUILTIN, loader_cpu_s=float("nan")), "nan stands where"),
        (dataclasses.replace(BUILTIN, completed=2_491_010), "cannot have waited"),
    ],
)
def test_figures_that_cannot_be_true_are_refused(told: LoadResult, why: str) -> None:
    """In one place for every engine, with a sentence."""
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(impossibility(told, LOAD, earlier_s=0.0))


def test_impossible_figures_that_were_kept_count_for_nothing() -> None:
    """Whoever reads a run refuses them too."""
    kept = trial_of(dataclasses.replace(BUILTIN, duration_s=3.0))

    assert "its figures cannot be true: an interval of 30 s took 3 s" == void_reason(kept)


def test_users_who_wait_cannot_have_had_more_answers_than_waits() -> None:
    """No rate is above connections over wait, but for what was on its way when a slice began."""
    load = LoadProfile(vus=60, duration_s=0.8, warmup_s=0.2)
    slow = LatencySummary(**dict.fromkeys((field.name for field in dataclasses.fields(LATENCY)), 50.0))
    possible = dataclasses.replace(BUILTIN, completed=1_020, duration_s=0.8, loader_cpu_s=0.2, latency=slow)

    assert impossibility(possible, load, wait_s=0.05) is None
    assert "1,021 answers, and 60 users who wait 0.05 s for each can have had 1,020" == impossibility(
        dataclasses.replace(possible, completed=1_021), load, wait_s=0.05
    )


@pytest.mark.parametrize("vanished", [6, 9])
def test_users_who_neither_wait_nor_ask_are_missed(vanished: int) -> None:
    """Rate times latency must agree with their number (Little), where the engine does not say who hangs."""
    waiting = 10 - vanished
    fewer = dataclasses.replace(BUILTIN, completed=24_910 * waiting, loader_cpu_s=1.5, hanging=None)

    reason = void_reason(trial_of(fewer))

    assert reason is not None
    assert reason.startswith(f"of 10 users {waiting - 0.02 * waiting:.1f} waited for an answer on average")


def test_a_schedule_leaves_users_without_work() -> None:
    """In the open model most of them rest, and latencies count from when a request was due."""
    load = dataclasses.replace(LOAD, rate_per_s=100.0)
    few = dataclasses.replace(BUILTIN, completed=3_000, hanging=None, dropped=0, unfinished=40)

    assert void_reason(dataclasses.replace(trial_of(few), load=load)) is None


def test_a_connection_hangs_when_others_are_answered_in_half_its_time() -> None:
    """Whoever waits in a queue of seconds is no older than it is long."""
    assert 2 == count_hanging([1_000.0, 1_900.0], LATENCY)
    assert 0 == count_hanging([4_000.0], dataclasses.replace(LATENCY, maximum_ms=3_000.0))
    assert 1 == count_hanging([1_000.0], None)


def test_connections_that_hang_make_a_trial_void() -> None:
    """Be it one of ten: what the others did is not what was asked."""
    reason = void_reason(trial_of(dataclasses.replace(BUILTIN, hanging=1)))

    assert "1 connection hung: its last request was not answered within 1 s" == reason
