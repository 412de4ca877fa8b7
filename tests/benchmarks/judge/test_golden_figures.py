from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.trials import QUANTITIES
from benchmarks.model import RACE, Run, Trial

GOLDEN = Path(__file__).with_name("golden_figures.json")
RACED = ("flask-sync@hypercorn", "flask-async@hypercorn", "fastapi-sync@uvicorn", "fastapi-async@uvicorn")


def of_run(run: Run, claims: tuple[Claim, ...]) -> Iterator[tuple[str, Estimate | None]]:
    """Yield the figures that are judged of a run, each with what it is."""
    judgement = judge(run, claims)
    for twins in judgement.twins:
        for quantity in QUANTITIES:
            yield f"{twins.workload} {twins.arrangement} {quantity}", twins.of(quantity)
    for bridge in judgement.bridges:
        yield f"{bridge.workload} {sides(bridge)} rate", bridge.rate
    for verdict in judgement.verdicts:
        for figure in verdict.figures:
            what = f"{verdict.claim} {verdict.subject} {verdict.arrangement} {figure.name}"
            yield f"{what} {verdict.outcome}", figure.estimate
        if not verdict.figures:
            yield f"{verdict.claim} {verdict.subject} {verdict.arrangement} {verdict.outcome}", None
    yield "placebo", judgement.placebo


def of_race(run: Run, claims: tuple[Claim, ...]) -> Iterator[tuple[str, Estimate | None]]:
    """Yield those of a race that could have stopped after any round."""
    for duel in judge(run, claims).duels:
        yield f"race {sides(duel)} {duel.standing}", duel.rate
        yield f"race {sides(duel)} after 2", duel.narrowing[0]


def sides(comparison: Comparison) -> str:
    """Return what is over what."""
    return f"{comparison.above} over {comparison.below}"


def test_the_figures_of_a_made_up_run_stay_what_they_are(
    first_trials: Callable[..., list[Trial]], make_run: Callable[..., Run], claims: tuple[Claim, ...]
) -> None:
    """Value, interval, rounds and resolution of every ratio and verdict, as before comparisons were of one kind."""
    trials = first_trials()
    race = make_run([trial for trial in trials if trial.contender in RACED and trial.workload == "health"])
    race = dataclasses.replace(race, plan=dataclasses.replace(race.plan, preset=RACE, precision=0.03))

    found = {**dict(of_run(make_run(trials), claims)), **dict(of_race(race, claims))}

    # The mathematical library of another platform may differ in the last digit.
    expected = {
        what: figures if figures is None else pytest.approx(tuple(figures), rel=1e-12, nan_ok=True)
        for what, figures in json.loads(GOLDEN.read_text(encoding="utf-8")).items()
    }
    assert expected == {
        what: None
        if estimate is None
        else (estimate.value, estimate.low, estimate.high, estimate.samples, estimate.resolution)
        for what, estimate in found.items()
    }
