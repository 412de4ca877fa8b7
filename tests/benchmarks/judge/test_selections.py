from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge import judge as judging
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Comparison
from benchmarks.model import RACE, Observation, Run, Trial

SYNC, ASYNC = "flask-sync@hypercorn", "flask-async@hypercorn"
FASTAPI_SYNC, FASTAPI_ASYNC = "fastapi-sync@uvicorn", "fastapi-async@uvicorn"

Raced = Callable[..., tuple[Comparison, ...]]


@pytest.fixture
def raced(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> Raced:
    """Judge a race whose contenders have these rates, one a round."""

    def race(*, preset: str = RACE, **rates: Sequence[float]) -> tuple[Comparison, ...]:
        names = {"sync": SYNC, "asynchronous": ASYNC, "fastapi_sync": FASTAPI_SYNC, "fastapi_async": FASTAPI_ASYNC}
        trials = [
            make_trial(names[name], rate, number)
            for name, of_rounds in rates.items()
            for number, rate in enumerate(of_rounds, start=1)
        ]
        run = make_run(trials)
        return judging.duels(make_evidence(dataclasses.replace(run, plan=dataclasses.replace(run.plan, preset=preset))))

    return race


def test_every_contender_is_compared_with_the_reference_of_its_run(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> None:
    """That is the one that was named; without one there is nothing to compare with."""
    run = make_run([make_trial(name, round=number) for name in (SYNC, ASYNC, FASTAPI_SYNC) for number in (1, 2)])
    against = dataclasses.replace(run, plan=dataclasses.replace(run.plan, against=ASYNC))

    compared = judging.duels(make_evidence(against))

    assert [(SYNC, ASYNC, "health"), (FASTAPI_SYNC, ASYNC, "health")] == [
        (each.above, each.below, each.workload) for each in compared
    ]
    assert () == judging.duels(make_evidence(run))


def test_the_reference_is_measured_twice_a_round_and_both_count(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> None:
    """The placebo's trials are of the reference too: each ratio is over the mean of both; twins are not compared so."""
    trials = [make_trial(name, 2_000, number) for name in (ASYNC, FASTAPI_SYNC) for number in (1, 2, 3)]
    for number, (first, again) in enumerate(((500, 2_000), (800, 1_250), (1_000, 1_000)), start=1):
        trials += [make_trial(SYNC, first, number), make_trial(SYNC, again, number, placebo=True)]
    run = make_run(trials)
    against = dataclasses.replace(run, plan=dataclasses.replace(run.plan, against=SYNC, preset=RACE))

    evidence = make_evidence(against)
    duels = judging.duels(evidence)

    rates = [duel.rate for duel in duels if duel.rate is not None]
    assert [2.0, 2.0] == pytest.approx([rate.value for rate in rates])
    assert [3, 3] == [rate.samples for rate in rates]
    assert [2, 3] == [estimate.samples for estimate in duels[0].narrowing]
    (before,) = judging.twins(make_evidence(run), ())
    assert before.rate is not None
    assert pytest.approx(2 * 2.5 ** (1 / 3)) == before.rate.value


def test_a_second_trial_of_the_reference_that_measured_the_loader_is_no_evidence_either(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> None:
    """It is in the ratio, so it has to have had head-room."""
    trials = [make_trial(name, rate, number) for name, rate in ((ASYNC, 2_000), (SYNC, 1_000)) for number in (1, 2, 3)]
    trials += [make_trial(SYNC, 1_000, number, placebo=True, loader_cpu_s=9.5) for number in (1, 2, 3)]
    run = make_run(trials)
    against = dataclasses.replace(run, plan=dataclasses.replace(run.plan, against=SYNC))

    (duel,) = judging.duels(make_evidence(against))

    assert "refused" == duel.standing
    assert "Loader-bound in 3 of 9 trials" in (duel.refusal or "")


@pytest.mark.parametrize(
    ("rates", "outcome", "told"),
    [
        ((2_000, 2_010, 1_990), "faster", "double"),
        ((500, 502, 499), "slower", "half"),
        ((1_001, 1_002, 999), "equal", "equal within ±5 %"),
        ((900, 1_150, 980), "undecided", "not the same as equal"),
        ((400, 2_600, 900), "undecided", "too few rounds to tell"),
        ((1_000, 1_000, 1_000), "refused", "Not judged."),
    ],
)
def test_a_verdict_is_what_the_whole_interval_says(
    raced: Raced, rates: Sequence[float], outcome: str, told: str
) -> None:
    """Faster, slower and equal have it all on one side, or inside the margin; else nothing is decided."""
    (duel,) = raced(sync=(1_000, 1_000, 1_000), asynchronous=rates)

    assert (ASYNC, SYNC, outcome) == (duel.above, duel.below, duel.standing)
    assert duel.sentence.startswith(f"{ASYNC} served ") or outcome == "refused"
    assert told in duel.sentence
    assert duel.refusal or duel.cause


def test_the_interval_narrows_from_two_rounds_to_all(raced: Raced) -> None:
    """What the page draws after each round ends with the ratio that is judged."""
    (duel,) = raced(sync=(1_000,) * 4, asynchronous=(2_000, 2_100, 1_900, 2_000))

    assert [2, 3, 4] == [estimate.samples for estimate in duel.narrowing]
    assert duel.rate == duel.narrowing[-1]


def test_all_are_held_against_the_first_and_twins_against_each_other(raced: Raced) -> None:
    """Every comparison can be named before the race; which was fastest is not asked."""
    three = (1_000, 1_001, 1_002)
    duels = raced(sync=three, asynchronous=three, fastapi_sync=three, fastapi_async=three)

    assert [
        (ASYNC, SYNC),
        (FASTAPI_SYNC, SYNC),
        (FASTAPI_ASYNC, SYNC),
        (FASTAPI_ASYNC, FASTAPI_SYNC),
    ] == [(duel.above, duel.below) for duel in duels]


def test_what_cannot_be_judged_says_why(raced: Raced) -> None:
    """One round has no interval, so there is no verdict, and the reason is told."""
    (duel,) = raced(sync=(1_000,), asynchronous=(2_000,))

    assert ("refused", "", ()) == (duel.standing, duel.cause, duel.narrowing)
    assert duel.refusal is not None
    assert "1 round with a valid trial" in duel.refusal


def test_any_other_run_has_no_duels(raced: Raced) -> None:
    """A comparison of many is judged by its claims."""
    assert () == raced(preset="quick", sync=(1_000,) * 3, asynchronous=(2_000,) * 3)


def test_twins_are_compared_inside_rounds(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """Async over sync, for rate, latency and CPU; a machine that slows down for a round changes no ratio."""
    trials = []
    for number, slowness in ((1, 1.0), (2, 4.0)):
        for variant, rate, cpu_us in (("sync", 1000.0, 200.0), ("async", 2000.0, 100.0)):
            observation = make_observation(cpu_us=cpu_us * slowness)
            trials.append(make_trial(f"x-{variant}@s", rate / slowness, number, observation=observation))

    (ratio,) = judging.twins(Evidence(make_run(trials)), {("x@s", "health")})

    assert ("x@s", "x", "health", True) == (ratio.arrangement, ratio.framework, ratio.workload, ratio.headline)
    estimates = (ratio.rate, ratio.latency_average, ratio.latency_p95, ratio.cpu)
    assert [2.0, 0.5, 0.5, 0.5] == pytest.approx([estimate.value for estimate in estimates if estimate is not None])
    assert [2, 2, 2, 2] == [estimate.samples for estimate in estimates if estimate is not None]


def test_twins_without_a_round_in_common_have_no_ratio(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial]
) -> None:
    """They are listed, with nothing measured, and are no headline unless a claim says so."""
    run = make_run([make_trial("x-sync@s", round=1), make_trial("x-async@s", round=2)])

    (ratio,) = judging.twins(Evidence(run), ())

    assert ratio.rate is None
    assert ratio.cpu is None
    assert not ratio.headline


def test_a_twin_alone_has_no_ratio(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> None:
    """An arrangement with one variant is not listed."""
    run = make_run([make_trial("x-sync@s"), make_trial("y-async@s"), make_trial("bare-asgi@s")])

    assert () == judging.twins(Evidence(run), ())
