"""Base and head in two sets of rounds: what is an alarm, what is equal, and what stays undecided."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge.check import CheckJudgement, Course, Gate, judge_check, plan_course, to_look_at_again
from benchmarks.model import Run, Trial

MakeCheck = Callable[..., Run]


def noisy(ratio: float, rounds: int = 8, spread: float = 0.01, seed: int = 1) -> list[float]:
    """Return ratios that vary about one, evenly to both sides, so that their mean is the ratio itself."""
    chance = random.Random(seed)  # noqa: S311 # not for secrets
    half = [chance.gauss(0, spread) for _ in range(rounds // 2)]
    return [ratio * math.exp(each) for away in half for each in (away, -away)]


def standings(judgement: CheckJudgement) -> dict[str, str]:
    """Return what came out, by request."""
    return {each.comparison.workload: each.comparison.standing for each in judgement.findings}


@pytest.mark.parametrize("gate", ["rate", "cpu"])
def test_a_regression_is_screened_and_confirmed(make_check: MakeCheck, gate: Gate) -> None:
    """At its own request, and nowhere else; the second set alone is what it is told by."""
    slow = [*noisy(0.80), *noisy(0.9, seed=2)]
    run = make_check({"items": slow, "orders": [*noisy(1.0, seed=3)]}, cpu=1.0)
    if gate == "cpu":
        run = dataclasses.replace(run, trials=tuple(cpu_for_rate(trial) for trial in run.trials))

    assert {"items"} == to_look_at_again(run, gate, 8)
    judged = judge_check(run, gate, 8)

    assert ({"items": "slower", "orders": "equal"}, "regression") == (standings(judged), judged.outcome)
    found = judged.findings[0]
    assert pytest.approx(0.9 if gate == "rate" else 1 / 0.9, rel=0.01) == found.comparison.estimate.value  # type: ignore[union-attr] # it was measured
    assert found.probability is not None
    assert found.probability < 0.001
    assert "confirm it, beyond the margin of 5 %" in found.basis
    assert "µs per request" in found.comparison.cause
    assert gate == found.comparison.decides


def cpu_for_rate(trial: Trial) -> Trial:
    """Return a trial with CPU time by the rate that it had."""
    assert trial.observation is not None
    assert trial.result is not None
    us = 1_000_000 / trial.result.rate_per_s
    seen = dataclasses.replace(trial.observation, cpu_user_us_per_request=us, cpu_system_us_per_request=0.0)
    return dataclasses.replace(trial, observation=seen)


@pytest.mark.parametrize(
    ("first", "second", "standing", "basis"),
    [
        # A suspect by chance, and one that is slower by less than the margin.
        (noisy(0.93), noisy(1.0, seed=2), "equal", "do not confirm"),
        (noisy(0.95), noisy(0.97, seed=2), "equal", "do not confirm"),
        (noisy(0.93, spread=0.03), noisy(0.96, spread=0.03, seed=2), "undecided", "do not confirm"),
        # Beyond the margin, and not beyond chance.
        (noisy(0.8, spread=0.05), noisy(0.9, spread=0.3, seed=2), "undecided", "do not confirm"),
        # Twice.
        (noisy(0.8, spread=0.05), noisy(0.8, spread=0.05, seed=2), "slower", "confirm it"),
        # The budget was over.
        (noisy(0.8), (), "undecided", "no second set"),
        # Never slower.
        (noisy(1.0), (), "equal", "Judged over 8 rounds"),
        (noisy(1.2), (), "faster", "Judged over 8 rounds"),
        # Not decided at first, and not suspected: all rounds together decide.
        (noisy(1.0, spread=0.1), noisy(1.0, rounds=40, spread=0.01, seed=2), "equal", "Judged over 48 rounds"),
        (noisy(1.0, spread=0.1), noisy(1.0, spread=0.1, seed=2), "undecided", "Judged over 16 rounds"),
        # A slowdown that only the second set shows is no alarm: it was not suspected.
        (noisy(1.0, spread=0.1), noisy(0.85, rounds=40, seed=2), "undecided", "Judged over 48 rounds"),
    ],
)
def test_what_two_sets_make_of_a_request(
    first: Sequence[float], second: Sequence[float], standing: str, basis: str, make_check: MakeCheck
) -> None:
    """An alarm is suspected in the first and confirmed by the second alone, beyond chance and beyond the margin."""
    judged = judge_check(make_check({"items": [*first, *second]}), "rate", 8)

    (found,) = judged.findings
    assert (standing, True) == (found.comparison.standing, basis in found.basis)
    assert {"slower": "regression", "undecided": "undecided"}.get(standing, "fine") == judged.outcome


def test_several_suspects_are_confirmed_together(make_check: MakeCheck) -> None:
    """By Holm: of many, one that is barely beyond chance is not."""
    barely = noisy(0.92, rounds=4, spread=0.06, seed=5)
    first = noisy(0.8, spread=0.05)
    alone = judge_check(make_check({"items": [*first, *barely]}), "rate", 8)
    names = [f"request {number}" for number in range(6)]
    many = judge_check(make_check({name: [*first, *barely] for name in names}), "rate", 8)

    (one,), (other, *_) = alone.findings, many.findings
    assert one.probability is not None
    assert other.probability is not None
    assert set(standings(many)) == set(names)
    # Six times the error's degrees of freedom, and six suspects.
    assert other.probability > one.probability or other.comparison.standing == "slower"


def test_equals_are_seldom_alarms(make_check: MakeCheck) -> None:
    """However many requests and however noisy: a suspect must be found twice, beyond the margin."""
    alarms = suspected = 0
    for seed in range(40):
        chance = random.Random(seed)  # noqa: S311 # not for secrets
        ratios = {f"r{number}": [math.exp(chance.gauss(0, 0.04)) for _ in range(12)] for number in range(3)}
        judged = judge_check(make_check(ratios), "rate", 6)
        alarms += "slower" in standings(judged).values()
        suspected += sum(finding.probability is not None for finding in judged.findings)

    assert 1 >= alarms
    assert 1 <= suspected <= 16


def test_a_placebo_that_fails_refuses_everything(make_check: MakeCheck) -> None:
    """Two equal things came out different: then so may two others."""
    judged = judge_check(make_check({"items": noisy(0.8), "orders": noisy(1.0)}, again=1.2), "rate", 8)

    assert ({"items": "refused", "orders": "refused"}, "refused") == (standings(judged), judged.outcome)
    assert judged.placebo_failed == judged.findings[0].comparison.refusal
    assert "" == judged.findings[0].basis


def test_base_against_itself_is_judged_over_all_rounds(make_check: MakeCheck) -> None:
    """A set in which it seems different by chance is not refused for that."""
    run = make_check({"items": [*noisy(0.8), *noisy(0.8, seed=2)]})
    faster = tuple(
        dataclasses.replace(
            trial, result=dataclasses.replace(trial.result, completed=round(1.2 * trial.result.completed))
        )
        if trial.placebo and trial.round > 12 and trial.result is not None
        else trial
        for trial in run.trials
    )
    judged = judge_check(dataclasses.replace(run, trials=faster), "rate", 12)

    assert (None, {"items": "slower"}) == (judged.placebo_failed, standings(judged))


def test_a_loader_at_its_limit_refuses(make_check: MakeCheck) -> None:
    """Also where a request is suspected, and where a regression elsewhere is what the check ends with."""
    judged = judge_check(make_check({"items": [*noisy(0.8), *noisy(0.8)]}, loader_cpu_s=9.9), "rate", 8)
    assert ({"items": "refused"}, "refused") == (standings(judged), judged.outcome)
    assert "Loader-bound" in str(judged.findings[0].comparison.refusal)

    run = make_check({"items": [*noisy(0.8), *noisy(0.8)], "orders": noisy(1.0)})
    bound = tuple(
        trial
        if trial.workload == "items" or trial.result is None
        else dataclasses.replace(trial, result=dataclasses.replace(trial.result, loader_cpu_s=9.9))
        for trial in run.trials
    )
    judged = judge_check(dataclasses.replace(run, trials=bound), "rate", 8)
    assert ({"items": "slower", "orders": "refused"}, "regression") == (standings(judged), judged.outcome)


def test_a_second_set_that_is_refused_confirms_nothing(make_check: MakeCheck) -> None:
    """The reason is what is told."""
    run = make_check({"items": [*noisy(0.8), *noisy(0.8)]})
    bound = tuple(
        trial
        if trial.round <= 8 or trial.result is None
        else dataclasses.replace(trial, result=dataclasses.replace(trial.result, loader_cpu_s=9.9))
        for trial in run.trials
    )
    judged = judge_check(dataclasses.replace(run, trials=bound), "rate", 8)

    assert ({"items": "refused"}, "refused") == (standings(judged), judged.outcome)


def test_a_request_without_a_valid_pair_is_refused(make_check: MakeCheck) -> None:
    """With why its trials do not count; what was not asked at all has no finding."""
    run = make_check({"items": noisy(1.0), "orders": noisy(1.0)})
    failed = tuple(
        dataclasses.replace(trial, failure="it died")
        if (trial.workload, trial.contender) == ("items", "head")
        else trial
        for trial in run.trials
    )
    judged = judge_check(dataclasses.replace(run, trials=failed), "rate", 8)
    assert {"items": "refused", "orders": "equal"} == standings(judged)
    assert "it died" in str(judged.findings[0].comparison.refusal)

    only = tuple(trial for trial in run.trials if trial.workload == "orders")
    assert {"orders": "equal"} == standings(judge_check(dataclasses.replace(run, trials=only), "rate", 8))


def test_one_round_decides_nothing(make_check: MakeCheck) -> None:
    """There is no error then."""
    run = make_check({"items": [0.5]})

    assert {"items": "refused"} == standings(judge_check(run, "rate", 1))
    assert (4, True, None) == (
        (course := plan_course(run, "rate", left_s=100.0, round_s=1.0)).rounds,
        course.is_coarse,
        course.needed,
    )


def test_a_request_at_a_given_rate_is_judged_by_its_cpu_time(make_check: MakeCheck) -> None:
    """Its rate is given."""
    run = make_check({"items": [*noisy(1.0), *noisy(1.0)]}, cpu=1.3, given_per_s=1000.0)
    run = dataclasses.replace(run, trials=tuple(varied(trial) for trial in run.trials))
    judged = judge_check(run, "rate", 8)

    assert ("cpu", "slower") == (judged.findings[0].comparison.decides, judged.findings[0].comparison.standing)


def varied(trial: Trial) -> Trial:
    """Return a trial whose CPU time varies a little from round to round."""
    assert trial.observation is not None
    us = (trial.observation.cpu_user_us_per_request or 0.0) * (
        1 + 0.004 * (trial.round % 3) * (trial.contender == "head")
    )
    return dataclasses.replace(trial, observation=dataclasses.replace(trial.observation, cpu_user_us_per_request=us))


@pytest.mark.parametrize(("margin", "grows"), [(None, False), (0.1, True), (0.5, False)])
def test_memory_decides_by_a_margin_of_its_own(make_check: MakeCheck, margin: float | None, grows: bool) -> None:
    """It is told in any case."""
    judged = judge_check(make_check({"items": noisy(1.0)}, memory=1.3), "rate", 8, memory_margin=margin)

    (found,) = judged.findings
    assert found.memory is not None
    assert pytest.approx(1.3, rel=0.02) == found.memory.value
    assert (grows, "regression" if grows else "fine") == (found.grows, judged.outcome)


def test_memory_that_was_not_seen_is_missing(make_check: MakeCheck) -> None:
    """On a platform that does not tell."""
    run = make_check({"items": noisy(1.0)})
    unseen = tuple(dataclasses.replace(trial, observation=None) for trial in run.trials)
    (found,) = judge_check(dataclasses.replace(run, trials=unseen), "rate", 8, memory_margin=0.1).findings

    assert (None, False) == (found.memory, found.grows)


@pytest.mark.parametrize(("margin", "lags"), [(None, False), (0.1, True), (0.5, False)])
def test_latency_at_an_equal_rate_decides_by_a_margin_of_its_own(
    make_check: MakeCheck, margin: float | None, lags: bool
) -> None:
    """It is no request of its own."""
    run = make_check({"items": noisy(1.0)}, latencies=noisy(1.3, rounds=6))
    judged = judge_check(run, "rate", 8, latency_margin=margin)

    assert {"items": "equal"} == standings(judged)
    assert judged.latency is not None
    assert (lags, "regression" if lags else "fine") == (judged.lags, judged.outcome)


@pytest.mark.parametrize(
    ("ratio", "cpu", "observed", "cause"),
    [
        (0.8, 1.25, True, "CPU time explains it: CPU 1,000 → 1,250 µs per request, voluntary switches 0.0 → 0.0."),
        (0.8, 1.01, True, "CPU time does not explain it: CPU 1,000 → 1,010 µs"),
        (1.0, 1.01, True, "CPU 1,000 → 1,010 µs per request"),
        (1.2, 1.0, False, "Cause not seen"),
    ],
)
def test_the_cause_is_what_was_observed(
    make_check: MakeCheck, ratio: float, cpu: float, observed: bool, cause: str
) -> None:
    """CPU time explains at least half of a difference, or does not explain it."""
    run = make_check({"items": [*noisy(ratio), *noisy(ratio)]}, cpu=cpu)
    if not observed:
        run = dataclasses.replace(
            run, trials=tuple(dataclasses.replace(trial, observation=None) for trial in run.trials)
        )
    (found,) = judge_check(run, "rate", 8).findings

    assert found.comparison.cause.startswith(cause)


def test_switches_that_were_not_seen_are_left_out(make_check: MakeCheck) -> None:
    """Not every platform tells them."""
    run = make_check({"items": noisy(1.0)})
    unseen = tuple(
        dataclasses.replace(
            trial, observation=dataclasses.replace(trial.observation, voluntary_switches_per_request=None)
        )
        for trial in run.trials
        if trial.observation is not None
    )
    (found,) = judge_check(dataclasses.replace(run, trials=unseen), "rate", 8).findings

    assert "CPU 1,000 → 1,000 µs per request." == found.comparison.cause


def test_a_server_that_waits_is_not_explained_by_its_cpu_time(make_check: MakeCheck) -> None:
    """It was idle for most of the time."""
    run = make_check({"items": noisy(0.8)}, cpu=0.2)
    workloads = tuple(dataclasses.replace(each, alone_ms={"base": 5.0, "head": 6.0}) for each in run.plan.workloads)
    idle = tuple(
        dataclasses.replace(trial, observation=dataclasses.replace(trial.observation, cpu_user_us_per_request=100.0))
        for trial in run.trials
        if trial.observation is not None
    )
    run = dataclasses.replace(run, plan=dataclasses.replace(run.plan, workloads=workloads), trials=idle)
    (found,) = judge_check(run, "rate", 8).findings

    assert "Waiting decides" in found.comparison.cause


@pytest.mark.parametrize(
    ("spread", "left_s", "rounds", "is_coarse"),
    [(0.01, 100.0, 9, False), (0.01, 10_000.0, 40, False), (0.1, 100.0, 9, True), (0.005, 0.0, 4, False)],
)
def test_a_pilot_plans_the_rounds_and_promises_a_regression(
    make_check: MakeCheck, spread: float, left_s: float, rounds: int, is_coarse: bool
) -> None:
    """Half of what is left for each set, the pilot's own rounds included; what is coarser than the margin is said."""
    run = make_check({"items": noisy(0.7, rounds=4, spread=spread)})
    course = plan_course(run, "rate", left_s=left_s, round_s=6.6)

    assert (rounds, is_coarse) == (course.rounds, is_coarse)
    assert course.difference > 0.05
    assert is_coarse == (course.needed is not None)
    assert pytest.approx(spread, rel=0.9) == course.spread


def test_what_is_promised_is_kept(make_check: MakeCheck) -> None:
    """A regression of the promised size is an alarm about four times in five."""
    chance = random.Random(4)  # noqa: S311 # not for secrets

    def drawn(ratio: float, count: int) -> list[float]:
        return [ratio * math.exp(chance.gauss(0, 0.04)) for _ in range(count)]

    promised: list[Course] = []
    found = 0
    for _ in range(30):
        pilot = drawn(1.0, 4)
        course = plan_course(make_check({"items": pilot}), "rate", left_s=160.0, round_s=10.0)
        promised.append(course)
        ratios = drawn(1 / (1 + course.difference), 2 * course.rounds)
        judged = judge_check(make_check({"items": ratios}), "rate", course.rounds)
        found += judged.outcome == "regression"

    assert {10} == {course.rounds for course in promised}
    assert 19 <= found
