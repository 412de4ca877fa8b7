from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Summary
from benchmarks.judge.trials import cpu_us_per_request, participants, valid_trials
from benchmarks.model import Observation, Run, Trial


def only(summaries: tuple[Summary, ...]) -> Summary:
    """Return the one summary there is."""
    (summary,) = summaries
    return summary


def test_a_contender_is_summarised_over_its_valid_trials(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """Rates, CPU and latencies are averaged geometrically, observations by their median; void trials say why not."""
    seen = [
        make_observation(cpu_us=cpu_us, switches=switches) for cpu_us, switches in ((100, 1.0), (400, 9.0), (1, 1.0))
    ]
    trials = [
        make_trial(rate=1000.0, round=1, observation=seen[0]),
        make_trial(rate=4000.0, round=2, observation=seen[1]),
        make_trial(rate=1.0, round=3, observation=seen[2], failure="the server died"),
        make_trial(rate=9.0, round=1, observation=seen[2], placebo=True),
    ]

    summary = only(Evidence(make_run(trials)).summaries())

    assert summary.rate_per_s is not None
    assert 2000.0 == pytest.approx(summary.rate_per_s.value)
    assert 2 == summary.rate_per_s.samples == summary.used
    assert summary.latency_average_ms is not None
    assert 5.0 == pytest.approx(summary.latency_average_ms.value)
    assert [1.0, 1.2, 2.0] == [
        pytest.approx(estimate.value / 5.0)
        for estimate in (summary.latency_median_ms, summary.latency_p95_ms, summary.latency_p99_ms)
        if estimate is not None
    ]
    assert summary.cpu_us_per_request is not None
    assert 200.0 == pytest.approx(summary.cpu_us_per_request.value)
    assert 5.0 == summary.voluntary_switches_per_request == summary.involuntary_switches_per_request
    assert 1 == summary.threads == summary.running_threads == summary.epoll_descriptors
    assert 50_000_000 == summary.resident_bytes
    assert ("SElTVA==", "SElTVA==") == summary.histograms
    assert ("round 3: the server died",) == summary.void
    assert ("flask-sync@hypercorn", "flask@hypercorn", "flask", "sync", "health") == (
        summary.contender,
        summary.arrangement,
        summary.framework,
        summary.variant,
        summary.workload,
    )


def test_the_least_count_of_started_threads_is_the_servers(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """What else runs on the machine can only add to the count."""
    trials = [
        make_trial(round=number, observation=make_observation(started=started))
        for number, started in enumerate((8.7, 0.3, 1.2), start=1)
    ]

    assert 0.3 == only(Evidence(make_run(trials)).summaries()).threads_started_per_request


def test_the_most_epoll_descriptors_count(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """A loop that lives as long as a request is seldom caught, so once is enough."""
    trials = [
        make_trial(round=number, observation=make_observation(epoll=epoll))
        for number, epoll in enumerate((1, 1, 2), start=1)
    ]

    assert 2 == only(Evidence(make_run(trials)).summaries()).epoll_descriptors


def test_what_was_not_seen_stays_missing(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """Without an observation, or with one that tells nothing, there is no figure; it is never 0."""
    blind = make_observation(
        cpu_us=None, switches=None, started=None, threads=None, running=None, epoll=None, cpu_fraction=None
    )
    run = make_run([make_trial(observation=None), make_trial(round=2, observation=blind)])

    summary = only(Evidence(run).summaries())

    assert summary.rate_per_s is not None
    assert summary.cpu_us_per_request is None
    assert summary.voluntary_switches_per_request is None
    assert summary.threads_started_per_request is None
    assert summary.threads is None
    assert summary.epoll_descriptors is None


def test_a_contender_that_never_ran_is_summarised_as_missing(make_run: Callable[..., Run]) -> None:
    """A plan that was cut short leaves its contenders in the report, without figures."""
    summary = only(Evidence(make_run(planned={"health": ["flask-sync@hypercorn"]})).summaries())

    assert summary.rate_per_s is None
    assert summary.latency_average_ms is None
    assert 0 == summary.used
    assert () == summary.void == summary.histograms


def test_cpu_time_below_the_clocks_tick_is_missing(
    make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """A coarse clock that saw nothing does not say that requests cost nothing."""
    trial = make_trial(observation=make_observation(cpu_us=0.0))

    assert [None] == [cpu_us_per_request(valid) for valid in valid_trials([trial])]


def test_contenders_take_part_where_they_were_planned(make_run: Callable[..., Run]) -> None:
    """A workload has its own contenders, in the order of the plan; one that is not in the plan has none."""
    run = make_run(planned={"health": ["a-sync@s", "bare-asgi@s"], "wait": ["a-sync@s"]})

    assert ["a-sync@s", "bare-asgi@s"] == [contender.id for contender in participants(run, "health")]
    assert ["a-sync@s"] == [contender.id for contender in participants(run, "wait")]
    assert () == participants(run, "other")
    assert [None, "sync", "sync"] == sorted(
        (summary.variant for summary in Evidence(run).summaries()), key=lambda variant: variant or ""
    )
