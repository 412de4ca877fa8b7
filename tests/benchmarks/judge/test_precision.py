from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import judge, reached
from benchmarks.judge.judgement import CONFIDENCE
from benchmarks.judge.statistics import REPEATED_LOOKS_CONFIDENCE
from benchmarks.model import Run, Trial


@pytest.fixture
def looked_at(make_run: Callable[..., Run], first_trials: Callable[..., list[Trial]]) -> Callable[..., Run]:
    """Make the run of the first measurements as it stood after some rounds, to be stopped at a precision."""
    trials = first_trials()

    def make(rounds: int = 5, precision: float | None = 0.03) -> Run:
        run = make_run([trial for trial in trials if trial.round <= rounds])
        return dataclasses.replace(run, plan=dataclasses.replace(run.plan, precision=precision))

    return make


def test_a_run_may_stop_when_every_headline_interval_is_narrow(
    looked_at: Callable[..., Run], claims: tuple[Claim, ...]
) -> None:
    """And the reason says after how many rounds."""
    assert reached(looked_at(), claims, 0.05) == "Every headline interval was within ±5 % after 5 rounds."


def test_a_wide_headline_keeps_it_going(looked_at: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """One is enough."""
    assert reached(looked_at(), claims, 0.005) is None


def test_too_few_rounds_are_narrow_by_luck(looked_at: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """Before the fifth it never stops."""
    assert reached(looked_at(rounds=4), claims, 0.5) is None


def test_a_headline_without_a_valid_pair_keeps_it_going(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], claims: tuple[Claim, ...]
) -> None:
    """Nothing is known of it."""
    trials = [make_trial(f"flask-{variant}@hypercorn", driven=False) for variant in ("sync", "async")]

    assert reached(make_run(trials), claims, 0.5) is None


def test_a_run_without_headlines_never_stops(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], claims: tuple[Claim, ...]
) -> None:
    """There is nothing that could be narrow."""
    assert reached(make_run([make_trial("fastapi-sync@hypercorn")]), claims, 0.5) is None


def test_repeated_looks_are_paid_for_with_wider_intervals(
    looked_at: Callable[..., Run], claims: tuple[Claim, ...]
) -> None:
    """A run that could stop has wider intervals of the same ratios than one that could not, and says so."""
    looking, fixed = looked_at(), looked_at(precision=None)
    wide, narrow = (
        next(ratio.rate for ratio in judge(run, claims).twins if ratio.headline) for run in (looking, fixed)
    )

    assert wide is not None
    assert narrow is not None
    assert (REPEATED_LOOKS_CONFIDENCE, CONFIDENCE) == (wide.confidence, narrow.confidence)
    assert wide.value == narrow.value
    assert wide.low < narrow.low < narrow.high < wide.high  # type: ignore[operator] # five rounds have intervals
    assert any("97.5 %" in note for note in judge(looking, claims).notes)
    assert not any("97.5 %" in note for note in judge(fixed, claims).notes)


def test_a_run_that_stopped_early_says_why(looked_at: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """It is complete all the same."""
    run = dataclasses.replace(looked_at(), stopped_early="Every headline interval was within ±3 % after 5 rounds.")

    assert judge(run, claims).notes[0] == f"Stopped before its last round: {run.stopped_early}"
