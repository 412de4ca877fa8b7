from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge import head_to_head
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Duel
from benchmarks.model import RACE, Run, Trial

SYNC, ASYNC = "flask-sync@hypercorn", "flask-async@hypercorn"
FASTAPI_SYNC, FASTAPI_ASYNC = "fastapi-sync@uvicorn", "fastapi-async@uvicorn"

Raced = Callable[..., tuple[Duel, ...]]


@pytest.fixture
def raced(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> Raced:
    """Judge a race whose contenders have these rates, one a round."""

    def race(*, preset: str = RACE, **rates: Sequence[float]) -> tuple[Duel, ...]:
        names = {"sync": SYNC, "asynchronous": ASYNC, "fastapi_sync": FASTAPI_SYNC, "fastapi_async": FASTAPI_ASYNC}
        trials = [
            make_trial(names[name], rate, number)
            for name, of_rounds in rates.items()
            for number, rate in enumerate(of_rounds, start=1)
        ]
        run = make_run(trials)
        return head_to_head.compare(
            make_evidence(dataclasses.replace(run, plan=dataclasses.replace(run.plan, preset=preset)))
        )

    return race


@pytest.mark.parametrize(
    ("rates", "outcome", "told"),
    [
        ((2_000, 2_010, 1_990), "faster", "double"),
        ((500, 502, 499), "slower", "half"),
        ((1_001, 1_002, 999), "equal", "equal within ±5 %"),
        ((800, 1_600, 900), "undecided", "not the same as equal"),
        ((1_000, 1_000, 1_000), "refused", "Not judged."),
    ],
)
def test_a_verdict_is_what_the_whole_interval_says(
    raced: Raced, rates: Sequence[float], outcome: str, told: str
) -> None:
    """Faster, slower and equal have it all on one side, or inside the margin; else nothing is decided."""
    (duel,) = raced(sync=(1_000, 1_000, 1_000), asynchronous=rates)

    assert (ASYNC, SYNC, outcome) == (duel.contender, duel.other, duel.outcome)
    assert duel.sentence.startswith(f"{ASYNC} served ") or outcome == "refused"
    assert told in duel.sentence
    assert duel.why


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
    ] == [(duel.contender, duel.other) for duel in duels]


def test_what_cannot_be_judged_says_why(raced: Raced) -> None:
    """One round has no interval, so there is no verdict, and the reason is told."""
    (duel,) = raced(sync=(1_000,), asynchronous=(2_000,))

    assert ("refused", None, ()) == (duel.outcome, duel.rate, duel.narrowing)
    assert "1 round with a valid trial" in duel.why


def test_any_other_run_has_no_duels(raced: Raced) -> None:
    """A comparison of many is judged by its claims."""
    assert () == raced(preset="quick", sync=(1_000,) * 3, asynchronous=(2_000,) * 3)
