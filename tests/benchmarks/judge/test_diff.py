from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import pytest

from benchmarks.errors import RefusedError
from benchmarks.judge.diff import Diff, asked, diff
from benchmarks.judge.judgement import Comparison, QuantityName
from benchmarks.model import LoadProfile, Run, RunState, Trial

LOAD = LoadProfile(vus=10, duration_s=1.0, warmup_s=0.2, slices=10)
MACHINE: Mapping[str, str | int] = {"cpu_model": "One CPU", "logical_cores": 2, "package_flask": "3.1.2"}

MakeRun = Callable[..., Run]


@pytest.fixture
def day(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> MakeRun:
    """Make the run of one day, by the rates of each contender in its rounds."""

    def make(
        rates: Mapping[str, Sequence[float]],
        *,
        environment: Mapping[str, str | int] = MACHINE,
        loads: Mapping[str, LoadProfile] | None = None,
        placebo: float | None = None,
        state: RunState = "complete",
    ) -> Run:
        trials = [
            make_trial(contender, rate, number)
            for contender, own in rates.items()
            for number, rate in enumerate(own, start=1)
        ]
        if placebo is not None:
            again = [trial for trial in trials if trial.contender == "fastapi-async@uvicorn"]
            trials += [
                make_trial(trial.contender, placebo * trial.result.rate_per_s, trial.round, placebo=True)
                for trial in again
                if trial.result is not None
            ]
        run = make_run(trials, environment=environment, state=state)
        return dataclasses.replace(run, plan=dataclasses.replace(run.plan, loads=loads or {"health": LOAD}))

    return make


TWINS = {"fastapi-sync@uvicorn": [1000.0, 1010.0, 990.0], "fastapi-async@uvicorn": [2000.0, 2020.0, 1985.0]}


def change(found: Diff, quantity: QuantityName = "rate", subject: str = "fastapi@uvicorn") -> Comparison:
    """Find one change, of a ratio or of a contender."""
    (one,) = [
        each
        for each in (*found.ratios, *found.contenders)
        if ((each.arrangement or each.above), each.decides) == (subject, quantity)
    ]
    return one


def test_the_same_ratio_on_a_machine_of_half_the_speed(day: MakeRun) -> None:
    """Rates halve; the ratio stays, and the ratio of the ratios says so."""
    slow = {name: [rate / 2 for rate in rates] for name, rates in TWINS.items()}

    found = diff(day(TWINS), day(slow, environment={**MACHINE, "cpu_model": "Half a CPU"}))

    ratio = change(found)
    assert ratio.first is not None
    assert ratio.second is not None
    assert ratio.rate is not None
    assert pytest.approx((2.0, 2.0, 1.0), rel=0.01) == (
        ratio.first.value,
        ratio.second.value,
        ratio.rate.value,
    )
    assert ("equal", "equal within ±5 %") == (ratio.standing, ratio.finding)
    rate = change(found, subject="fastapi-sync@uvicorn")
    assert rate.rate is not None
    assert pytest.approx(0.5) == rate.rate.value
    assert ("slower", "half") == (rate.standing, rate.finding)
    assert not found.same_machine
    assert {"cpu_model": ("One CPU", "Half a CPU")} == found.environment


def test_what_changed_from_one_day_to_the_other(day: MakeRun) -> None:
    """The second is held against the first: a gain that is gone is half the ratio."""
    lost = {**TWINS, "fastapi-async@uvicorn": [1000.0, 1012.0, 991.0]}

    found = diff(day(TWINS), day(lost, environment={**MACHINE, "package_flask": "3.2.0", "package_new": "1"}))

    ratio = change(found)
    estimate = ratio.estimate
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 0.5 < estimate.high < 1
    assert "half" == ratio.finding
    assert ratio.sentence.startswith("fastapi@uvicorn, health, requests per second: 0.50 × [")
    assert found.same_machine
    assert {"package_flask": ("3.1.2", "3.2.0"), "package_new": (None, "1")} == found.packages


def test_few_noisy_rounds_find_no_difference(day: MakeRun) -> None:
    """Which is not to say equal."""
    noisy = {**TWINS, "fastapi-async@uvicorn": [1500.0, 2500.0, 1900.0]}

    assert "no difference found, which is not the same as equal" == change(diff(day(TWINS), day(noisy))).finding


def test_one_round_can_be_shown_and_not_judged(day: MakeRun) -> None:
    """The figure stands, without an interval, and why it is no more than that."""
    short = {name: rates[:1] for name, rates in TWINS.items()}

    ratio = change(diff(day(TWINS), day(short)))

    assert ratio.estimate is not None
    assert ratio.estimate.low is None
    assert ratio.refusal is not None
    assert ratio.refusal.startswith("1 round with a valid trial of")


def test_what_one_run_did_not_see_is_not_known(day: MakeRun) -> None:
    """A run without observations has no CPU time."""
    blind = day(TWINS)
    blind = dataclasses.replace(
        blind, trials=tuple(dataclasses.replace(trial, observation=None) for trial in blind.trials)
    )

    cpu = change(diff(day(TWINS), blind), "cpu")

    assert cpu.first is not None
    assert (None, None, "refused") == (cpu.second, cpu.estimate, cpu.standing)
    assert "It is not known in both runs." == cpu.refusal


def test_contenders_of_one_run_alone_are_named(day: MakeRun) -> None:
    """They have nothing to be held against; twins of which one is missing make no ratio."""
    more = {**TWINS, "flask-sync@hypercorn": [500.0, 500.0]}
    other = {**TWINS, "flask-async@hypercorn": [250.0, 250.0]}

    found = diff(day(more), day(other))

    assert (("flask-sync@hypercorn",), ("flask-async@hypercorn",)) == (found.only_left, found.only_right)
    assert {"fastapi@uvicorn"} == {each.arrangement for each in found.ratios}
    both = {**TWINS, "flask-sync@hypercorn": [500.0, 500.0], "flask-async@hypercorn": [250.0, 250.0]}
    assert {"fastapi@uvicorn"} == {each.arrangement for each in diff(day(both), day(other)).ratios}
    shared = diff(day(more), day(more))
    assert {"fastapi@uvicorn"} == {each.arrangement for each in shared.ratios}
    assert "flask-sync@hypercorn" in {each.above for each in shared.contenders}


def test_a_failed_placebo_withholds_the_evidence(day: MakeRun) -> None:
    """In either run; the figures are shown all the same."""
    found = diff(day(TWINS), day(TWINS, placebo=1.5))

    assert found.withheld is not None
    assert "A/A comparison failed" in found.withheld
    assert (change(found).refusal or "").startswith("The A/A comparison failed")
    assert change(found).estimate is not None


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (dataclasses.replace(LOAD, vus=50), "50 virtual users"),
        (dataclasses.replace(LOAD, slices=1), "in one piece"),
    ],
)
def test_runs_that_asked_different_things_are_refused(day: MakeRun, profile: LoadProfile, told: str) -> None:
    """The message shows both, and what to do."""
    with pytest.raises(RefusedError, match=f"(?s)did not ask the same.*{told}.*Measure one of them again"):
        diff(day(TWINS), day(TWINS, loads={"health": profile}))


def test_runs_without_a_workload_in_common_are_refused(day: MakeRun) -> None:
    """Each has what the other lacks."""
    with pytest.raises(RefusedError, match=r"no workload in common: health, wait here, health, wait there"):
        diff(day(TWINS), day(TWINS, loads={"wait": LOAD}))
    nothing = day({}, loads={})
    nothing = dataclasses.replace(nothing, plan=dataclasses.replace(nothing.plan, workloads=()))
    with pytest.raises(RefusedError, match="none here"):
        diff(nothing, day(TWINS))


def test_runs_without_a_contender_in_common_are_refused(day: MakeRun) -> None:
    """There is nothing to hold together."""
    with pytest.raises(RefusedError, match="no contender in common"):
        diff(day(TWINS), day({"flask-sync@hypercorn": [500.0]}))


def test_other_lengths_and_a_cut_run_are_noted(day: MakeRun) -> None:
    """They change how sure a ratio is, not what it is of."""
    longer = dataclasses.replace(LOAD, duration_s=5.0, slices=50)

    notes = diff(day(TWINS), day(TWINS, loads={"health": longer}, state="interrupted")).notes

    assert (
        "The second run is not complete: it is compared on the 6 trials that it has.",
        "Under health, a measured interval was 1 s first and 5 s then.",
    ) == notes


def test_a_run_against_itself_has_no_difference(day: MakeRun) -> None:
    """Not in its facts, nor in its ratios."""
    found = diff(day(TWINS), day(TWINS))

    assert ({}, {}, (), None) == (found.environment, found.packages, found.notes, found.withheld)
    estimates = [each.estimate for each in (*found.ratios, *found.contenders)]
    assert {1.0} == {estimate.value for estimate in estimates if estimate}
    assert found.same_run
    assert not diff(day(TWINS), dataclasses.replace(day(TWINS), name="another")).same_run


def asked_of(run: Run, workload: str = "health", **load: object) -> str | None:
    """Say what a run asked, after changes of its load."""
    loads = {name: dataclasses.replace(profile, **load) for name, profile in run.plan.loads.items()}  # type: ignore[arg-type] # the tests know
    return asked(dataclasses.replace(run, plan=dataclasses.replace(run.plan, loads=loads)), workload)


def test_what_was_asked_is_told_in_words(day: MakeRun) -> None:
    """Path, users, and how they took turns; with the wait, which a path need not name."""
    run = day(TWINS)
    waiting = dataclasses.replace(run.plan.workloads[0], wait_ms=50.0)

    assert "GET /health/{variant}, 10 virtual users, in slices, by builtin" == asked_of(run)
    assert "in one piece" in (asked_of(run, slices=1) or "")
    assert "10 virtual users at 500/s" in (asked_of(run, rate_per_s=500.0) or "")
    waits = dataclasses.replace(run, plan=dataclasses.replace(run.plan, workloads=(waiting,)))
    assert "/health/{variant}, a wait of 50 ms, 10" in (asked_of(waits) or "")


def test_a_workload_without_load_or_contenders_was_not_asked(day: MakeRun) -> None:
    """Neither what is unknown, nor what nobody took part in."""
    run = day(TWINS)

    assert asked_of(run, "tea") is None
    assert asked_of(run, "wait") is None
    assert asked_of(dataclasses.replace(run, plan=dataclasses.replace(run.plan, workload_contenders={}))) is None


def test_how_long_a_trial_lasts_is_not_what_is_asked(day: MakeRun) -> None:
    """Thirty seconds make a ratio more precise, not another."""
    run = day(TWINS)

    assert asked_of(run) == asked_of(run, duration_s=30.0, slices=300, warmup_s=2.0)
