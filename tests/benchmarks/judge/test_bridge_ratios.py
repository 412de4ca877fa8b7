from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge import bridges, why
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import BridgeRatio, Summary
from benchmarks.judge.summaries import summarise_all
from benchmarks.model import Observation, Run, Trial

OWN_WAY, BRIDGED, ELSEWHERE = "flask-async@hypercorn", "flask-async@hypercorn+eventloop", "fastapi-async@hypercorn"


@pytest.fixture
def compared(
    first_trials: Callable[..., list[Trial]], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> Callable[..., dict[tuple[str, str, str], BridgeRatio]]:
    """Compare the first measurements, with a bridge that makes of Flask what FastAPI is, 2 % slower."""

    def compare(*, observed: bool = True, rounds: int = 5) -> dict[tuple[str, str, str], BridgeRatio]:
        trials = [trial for trial in first_trials(observed=observed) if trial.round <= rounds]
        bridged = [
            dataclasses.replace(
                trial,
                contender=BRIDGED,
                result=dataclasses.replace(trial.result, completed=round(0.98 * trial.result.completed)),
            )
            for trial in trials
            if trial.contender == ELSEWHERE and trial.result is not None
        ]
        ratios = bridges.compare(make_evidence(make_run([*trials, *bridged])))
        return {(ratio.contender, ratio.other, ratio.workload): ratio for ratio in ratios}

    return compare


def test_a_bridge_is_compared_with_all_that_stand_on_its_server_without_one(
    compared: Callable[..., dict[tuple[str, str, str], BridgeRatio]],
) -> None:
    """The framework's own way, and the other framework, under each workload; never another server's."""
    asgiref = "flask-async@hypercorn+asgiref"

    assert {
        (contender, other, workload)
        for workload in ("health", "wait")
        for contender in (asgiref, BRIDGED)
        for other in (OWN_WAY, ELSEWHERE)
    } == compared().keys()


def test_only_the_bridge_can_be_the_cause(compared: Callable[..., dict[tuple[str, str, str], BridgeRatio]]) -> None:
    """The ratio has an interval, and the cause names what each costs: threads, loops, switches, CPU."""
    ratio = compared()[BRIDGED, OWN_WAY, "health"]

    assert ratio.rate is not None
    assert ratio.rate.low is not None
    assert 2.4 < ratio.rate.low < ratio.rate.value < 2.8
    assert ratio.sentence.startswith(f"{BRIDGED} served 2.")
    assert (
        f"{BRIDGED}: no thread and no event loop started, 0.0 voluntary switches and 320 µs of CPU a request; "
        f"{OWN_WAY}: 1.0 threads started, each with an event loop of its own, 8.7 voluntary switches and 907 µs of CPU "
        "a request." == ratio.why
    )


def test_waits_are_told_where_views_wait(compared: Callable[..., dict[tuple[str, str, str], BridgeRatio]]) -> None:
    """How many waited at once, and how many threads that took."""
    told = compared()[BRIDGED, OWN_WAY, "wait"].why

    assert "waits at once while 1 thread ran; " in told
    assert told.endswith("5.6 waits at once while 7 threads ran.")


def test_what_was_not_observed_gives_no_cause(
    compared: Callable[..., dict[tuple[str, str, str], BridgeRatio]],
) -> None:
    """The ratio stands without one."""
    ratio = compared(observed=False)[BRIDGED, OWN_WAY, "health"]

    assert ratio.rate is not None
    assert why.NOT_OBSERVED == ratio.why


def test_too_few_rounds_are_no_ratio(compared: Callable[..., dict[tuple[str, str, str], BridgeRatio]]) -> None:
    """One round has no interval; the reason says what to do."""
    ratio = compared(rounds=1)[BRIDGED, OWN_WAY, "health"]

    assert ratio.rate is None
    assert "Not compared." == ratio.sentence
    assert "run again with more --rounds" in ratio.why


def test_a_thread_without_a_loop_is_told_as_such(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """A loop is claimed only where more epoll descriptors were open; and threads that ran may be unknown."""

    def seen(**observed: float | None) -> Summary:
        [summary] = summarise_all(make_run([make_trial("x-async@s", observation=make_observation(**observed))]))
        return summary

    told = why.bridges(seen(running=None), seen(cpu_us=900, switches=8.0, started=1.0, running=7), 50.0)

    assert "1.0 threads started, 8.0 voluntary switches" in told
    assert 1 == told.count("waits at once")
