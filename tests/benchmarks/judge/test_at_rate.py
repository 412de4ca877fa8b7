from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from benchmarks.judge import judge as judging
from benchmarks.judge.claims import Claim
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Comparison, Summary
from benchmarks.judge.notes import notes
from benchmarks.model import EQUAL_RATE, LatencySummary, LoadProfile, Plan, Run, RunState, Trial, Workload

RATE = 500.0
SYNC, ASYNC = "fastapi-sync@uvicorn", "fastapi-async@uvicorn"

AtRate = tuple[dict[str, Summary], tuple[Comparison, ...]]


def lateness(p95_ms: float) -> LatencySummary:
    """Return how late a loader was."""
    return LatencySummary(
        average_ms=0.03, minimum_ms=0.0, median_ms=0.02, maximum_ms=9.0, p90_ms=0.05, p95_ms=p95_ms, p99_ms=5.0
    )


@pytest.fixture
def asked(make_trial: Callable[..., Trial]) -> Callable[..., Trial]:
    """Make a trial that was asked at 500/s, and kept up unless told otherwise."""

    def make(
        contender: str = SYNC,
        round: int = 1,  # noqa: A002 # it is the field's name
        *,
        p95_ms: float = 2.0,
        answered: float = RATE,
        dropped: int = 0,
        late_ms: float = 0.1,
        workload: str = EQUAL_RATE,
        **changes: Any,
    ) -> Trial:
        trial = make_trial(contender, answered, round, workload=workload, average_ms=1.0, p95_ms=p95_ms, **changes)
        load = LoadProfile(vus=10, duration_s=10.0, warmup_s=1.0, rate_per_s=RATE)
        if trial.result is None:
            return dataclasses.replace(trial, load=load)
        result = dataclasses.replace(trial.result, dropped=dropped, lateness=lateness(late_ms))
        return dataclasses.replace(trial, load=load, result=result)

    return make


@pytest.fixture
def run_at_rate(make_run: Callable[..., Run]) -> Callable[..., Run]:
    """Make a run whose plan asks at an equal rate after its closed rounds."""

    def make(trials: Sequence[Trial], planned: Sequence[str] = (SYNC, ASYNC), state: RunState = "complete") -> Run:
        run = make_run(trials, planned={EQUAL_RATE: planned}, state=state)
        plan = dataclasses.replace(
            run.plan,
            workloads=(*run.plan.workloads, Workload(name=EQUAL_RATE, path="/health/{variant}")),
            latency_at=0.7,
        )
        return dataclasses.replace(run, plan=plan)

    return make


@pytest.fixture
def compared(run_at_rate: Callable[..., Run], make_evidence: Callable[..., Evidence]) -> Callable[..., AtRate]:
    """Summarise trials at the equal rate, and compare the twins."""

    def compare(trials: Sequence[Trial], **of_run: Any) -> AtRate:
        evidence = make_evidence(run_at_rate(trials, **of_run))
        summaries = {summary.contender: summary for summary in evidence.summaries() if summary.workload == EQUAL_RATE}
        return summaries, judging.twins(evidence, ())

    return compare


def rounds_of(asked: Callable[..., Trial], **of_async: Any) -> list[Trial]:
    """Return three rounds of the twins, async with half of the 95th percentile."""
    return [
        trial
        for number, p95_ms in enumerate((2.0, 2.2, 1.8), start=1)
        for trial in (
            asked(SYNC, number, p95_ms=p95_ms),
            asked(ASYNC, number, p95_ms=p95_ms / 2, **of_async),
        )
    ]


def test_latencies_and_their_ratio_stand_side_by_side(
    asked: Callable[..., Trial], compared: Callable[..., AtRate]
) -> None:
    """Each contender's percentiles over its rounds, and the twins' 95th percentile paired inside rounds."""
    summaries, (twins,) = compared(rounds_of(asked))

    sync = summaries[SYNC]
    assert (RATE, "", 3, 0, 1.0) == (
        sync.asked_per_s,
        sync.doubt,
        sync.used,
        sync.dropped,
        sync.achieved_fraction,
    )
    assert sync.latency_p95_ms is not None
    assert 2.0 == pytest.approx(sync.latency_p95_ms.value, rel=0.01)
    assert twins.latency_p95 is not None
    assert twins.latency_p95 == twins.estimate
    assert (0.5, 0.5, 0.5) == pytest.approx((twins.latency_p95.value, twins.latency_p95.low, twins.latency_p95.high))
    assert ("fastapi@uvicorn", 3) == (twins.arrangement, twins.latency_p95.samples)


def test_the_lower_latency_is_the_faster_one(asked: Callable[..., Trial], compared: Callable[..., AtRate]) -> None:
    """At a given rate latencies decide, and less of them is better; nothing is said of a cause by rates."""
    trials = [
        asked(contender, number, p95_ms=p95_ms)
        for number, pair in enumerate(((2.0, 1.0), (2.2, 1.0), (1.8, 1.0)), start=1)
        for contender, p95_ms in zip((SYNC, ASYNC), pair, strict=True)
    ]

    _, (twins,) = compared(trials)

    assert ("faster", "half", "") == (twins.standing, twins.finding, twins.cause)
    assert twins.sentence.startswith(f"{ASYNC} took 0.50 × [")


def test_one_that_does_not_keep_up_is_told_in_words(
    asked: Callable[..., Trial], compared: Callable[..., AtRate]
) -> None:
    """Below 99 % of the rate latencies are a queue's, and there is no ratio of them."""
    summaries, (twins,) = compared(rounds_of(asked, answered=490.0))

    assert summaries[ASYNC].doubt.startswith(
        f"{ASYNC} did not sustain the rate: 98 % of what was asked was answered in time. Where a queue grows,"
    )
    assert "" == summaries[SYNC].doubt
    assert (None, "refused", summaries[ASYNC].doubt) == (twins.latency_p95, twins.standing, twins.refusal)


def test_a_single_dropped_request_is_a_rate_not_sustained(
    asked: Callable[..., Trial], compared: Callable[..., AtRate]
) -> None:
    """It waited as long as the timeout, so there was a queue."""
    latency = compared([asked(dropped=3), asked(round=2)])[0][SYNC]

    assert 3 == latency.dropped
    assert "100 % of what was asked was answered in time, and 3 requests were dropped" in latency.doubt


def test_a_trial_void_by_its_errors_counts_against_the_rate(
    asked: Callable[..., Trial], compared: Callable[..., AtRate]
) -> None:
    """What a server makes of too high a rate may be errors: the valid trials alone would flatter it."""
    latency = compared([asked(), asked(round=2, answered=100.0, errors={"timeout": 900})])[0][SYNC]

    assert (1, 0.6) == (latency.used, latency.achieved_fraction)
    assert "did not sustain" in latency.doubt


def test_a_loader_behind_its_schedule_is_not_the_servers_latency(
    asked: Callable[..., Trial], compared: Callable[..., AtRate]
) -> None:
    """Half of the 95th percentile may be the loader's lateness, and no more."""
    summaries, (twins,) = compared([asked(), asked(ASYNC, late_ms=1.01), asked(ASYNC, 2, late_ms=1.0)])

    assert summaries[ASYNC].doubt.startswith(
        f"{ASYNC}: Loader-bound in 1 of 2 trials: the loader was behind its own schedule by 1.01 ms at the 95th "
        "percentile, above 50 % of the latency there, 2 ms."
    )
    assert twins.latency_p95 is None


def test_a_contender_without_a_trial_has_no_figures_and_no_doubt(
    asked: Callable[..., Trial], compared: Callable[..., AtRate]
) -> None:
    """It may have died in every round; missing is not 0."""
    summaries, (twins,) = compared([asked(), asked(ASYNC, failure="died", driven=False)])

    latency = summaries[ASYNC]
    assert (None, None, None, None, 0, "") == (
        latency.latency_median_ms,
        latency.latency_p95_ms,
        latency.achieved_fraction,
        latency.dropped,
        latency.used,
        latency.doubt,
    )
    assert twins.latency_p95 is None


def test_one_without_its_twin_has_no_ratio(asked: Callable[..., Trial], compared: Callable[..., AtRate]) -> None:
    """There is nothing to divide by."""
    assert () == compared([asked(ASYNC)], planned=(ASYNC,))[1]


def test_a_run_without_a_given_rate_has_none_to_compare(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_evidence: Callable[..., Evidence]
) -> None:
    """Nor has one that was planned to and did not come to it."""
    assert [None] == [summary.asked_per_s for summary in make_evidence(make_run([make_trial()])).summaries()]


def test_the_note_says_what_the_verdict_on_latency_rests_on(
    asked: Callable[..., Trial],
    make_trial: Callable[..., Trial],
    run_at_rate: Callable[..., Run],
    make_evidence: Callable[..., Evidence],
) -> None:
    """Or why there are no latencies at an equal rate; a run that was cut short says that already."""

    def told(trials: Sequence[Trial], state: RunState = "complete") -> list[str]:
        return [note for note in notes(make_evidence(run_at_rate(trials, state=state))) if "rate" in note]

    (note,) = [note for note in told([asked()]) if "one rate" in note]
    assert "one rate, 500 requests/s. The verdict on latency does not rest on them" in note
    assert any("No latency was measured at an equal rate" in note for note in told([make_trial()]))
    assert not any("equal rate" in note for note in told([make_trial()], "interrupted"))


def at_a_given_rate(plan: Plan) -> Plan:
    """Return a plan whose health workload has a rate."""
    load = LoadProfile(vus=10, duration_s=10.0, warmup_s=1.0, rate_per_s=RATE)
    return dataclasses.replace(plan, loads={"health": load})


def test_nothing_is_judged_by_rates_that_were_given(
    first_trials: Callable[..., list[Trial]], make_run: Callable[..., Run], claims: tuple[Claim, ...]
) -> None:
    """Throughput and latency claims are refused with the remedy; waits and threads are judged as ever."""
    load = LoadProfile(vus=10, duration_s=10.0, warmup_s=1.0, rate_per_s=RATE)
    trials = [
        dataclasses.replace(trial, load=load) if trial.workload == "health" else trial for trial in first_trials()
    ]
    run = make_run(trials)
    run = dataclasses.replace(run, plan=at_a_given_rate(run.plan))

    judgement = judge(run, claims)

    outcomes = {(verdict.claim, verdict.outcome) for verdict in judgement.verdicts if verdict.headline}
    for claim in ("async-throughput", "async-latency", "fastapi-not-much-better"):
        assert {(claim, "refused")} == {pair for pair in outcomes if pair[0] == claim}
    assert ("single-thread-event-loop", "replicated") in outcomes
    assert ("waits-do-not-block", "contradicted") in outcomes
    (why,) = {verdict.why for verdict in judgement.verdicts if verdict.claim == "async-throughput"}
    assert "Run again without --rate." in why
    assert {"health"} == {summary.workload for summary in judgement.summaries if summary.asked_per_s is not None}
    assert {"wait"} == {comparison.workload for comparison in judgement.bridges}


def test_equal_rates_are_no_placebo(
    asked: Callable[..., Trial], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> None:
    """A/A of what was given says nothing, and is not said to have come out equal."""
    run = make_run([asked(workload="health"), asked(workload="health", placebo=True)])

    evidence = make_evidence(run)

    assert (None, None) == (evidence.placebo, evidence.placebo_failed)
    assert evidence.placebo_note is not None
    assert evidence.placebo_note.startswith("A/A was not judged")
    assert ((), ()) == judging.bridges(evidence)
