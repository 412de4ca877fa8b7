from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Comparison, Estimate, Judgement, Standing
from benchmarks.live.page import scenes
from benchmarks.live.page.guesses import GuessedRatio
from benchmarks.live.page.scenes import Axis
from benchmarks.measure import journal
from benchmarks.model import Run
from tests.benchmarks.live.page.made_up_race import CONTENDERS, keep_race


@pytest.fixture(scope="module")
def half_way(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Judgement]:
    """A race of four, after three of its six rounds."""
    run = journal.read_run(keep_race(tmp_path_factory.mktemp("raced"), so_far=3))
    return run, judge(run, ())


def pair(standing: Standing, value: float | None = None) -> Comparison:
    """Make up a comparison of two."""
    rate = None if value is None else Estimate(value=value, low=0.9 * value, high=1.1 * value, samples=6)
    return Comparison(above="a", below="b", workload="health", standing=standing, rate=rate)


def test_a_lane_is_as_long_as_what_was_answered(half_way: tuple[Run, Judgement]) -> None:
    """The fastest is half-way after half of the rounds; the second trial of the A/A comparison is no head start."""
    run, _ = half_way
    shown = scenes.lanes(run.plan, run)

    assert list(CONTENDERS) == [lane.runner.id for lane in shown]
    assert [True, False, True, False] == [lane.runner.is_hollow for lane in shown]
    longest = max(shown, key=lambda lane: lane.answered)
    assert ("fastapi-async@uvicorn", 500.0) == (longest.runner.id, longest.length)
    for lane in shown:
        counted = [each for each in run.trials if each.contender == lane.runner.id and not each.placebo]
        assert sum(each.result.completed for each in counted if each.result) == lane.answered
        assert lane.length == pytest.approx(500 * lane.answered / longest.answered, abs=0.1)


def test_a_race_begins_with_empty_lanes(half_way: tuple[Run, Judgement]) -> None:
    """Before the first trial nothing is known."""
    assert [(0, 0.0)] * 4 == [(lane.answered, lane.length) for lane in scenes.lanes(half_way[0].plan, None)]


def test_twins_are_compared_where_all_are_twins(half_way: tuple[Run, Judgement], tmp_path: Path) -> None:
    """Else each is compared with the first."""
    run, judgement = half_way
    assert [("flask-async@hypercorn", "flask-sync@hypercorn"), ("fastapi-async@uvicorn", "fastapi-sync@uvicorn")] == [
        (each.above, each.below) for each in scenes.shown_pairs(run.plan, judgement)
    ]

    mixed = journal.read_run(keep_race(tmp_path, CONTENDERS[1:]))
    assert [("fastapi-sync@uvicorn", CONTENDERS[1]), ("fastapi-async@uvicorn", CONTENDERS[1])] == [
        (each.above, each.below) for each in scenes.shown_pairs(mixed.plan, judge(mixed, ()))
    ]


def test_an_interval_narrows_round_by_round(half_way: tuple[Run, Judgement]) -> None:
    """From the second round on there is one for each, and the last is what is known."""
    run, judgement = half_way
    pairs = scenes.shown_pairs(run.plan, judgement)
    flask, _ = scenes.strips(run.plan, pairs, scenes.axis_of(pairs))

    assert ((2, 1), 2) == ((flask.runner.number, flask.other.number), len(flask.intervals))
    for low, value, high in flask.intervals:
        assert low <= value <= high < 500
    assert flask.figure.startswith("0.5")


@pytest.mark.parametrize(
    ("value", "ticks"),
    [
        (0.5, ("¼ ×", "½ ×", "1 ×", "2 ×", "4 ×")),
        (0.2, ("1/16 ×", "¼ ×", "1 ×", "4 ×", "16 ×")),
        (40.0, ("1/100 ×", "1/10 ×", "1 ×", "10 ×", "100 ×")),
    ],
)
def test_an_axis_has_five_ticks_below_its_ratios(value: float, ticks: tuple[str, ...]) -> None:
    """They are evenly spaced, with 1 in the middle; no ratio leaves the axis."""
    axis = scenes.axis_of([pair("slower", value)])

    assert ticks == axis.ticks
    assert (100, 500, 900) == (axis.at(0), axis.at(1), axis.at(10_000))
    assert 100 < axis.at(value) < 900


def test_an_axis_needs_no_ratio() -> None:
    """Of a race of which nothing is measured too."""
    assert Axis(4.0) == scenes.axis_of([pair("refused")])


@pytest.mark.parametrize(
    ("standing", "value", "word"),
    [
        ("slower", 0.51, "Half."),
        ("slower", 0.54, "About half."),
        ("slower", 0.7, "0.7 times."),
        ("faster", 1.98, "Double."),
        ("faster", 1.72, "1.7 times."),
        ("faster", 12.4, "12 times."),
        ("equal", 1.01, "The same."),
        ("undecided", 1.2, "Undecided."),
        ("refused", 2.0, "Not judged."),
        ("faster", None, "Not judged."),
    ],
)
def test_a_result_is_one_word(standing: Standing, value: float | None, word: str) -> None:
    """What the back row reads."""
    assert word == scenes.word(pair(standing, value))


def test_guesses_are_dots_and_the_needle_is_what_was_measured(half_way: tuple[Run, Judgement]) -> None:
    """Those that lie together are stacked; a ratio that nobody guessed has its needle alone."""
    run, judgement = half_way
    pairs = scenes.shown_pairs(run.plan, judgement)
    guessed = GuessedRatio(framework="flask", guesses=(0.5, 2.0, 2.0), median=2.0, measured=None)
    flask, fastapi = scenes.revealed(run.plan, pairs, {"flask": guessed}, Axis(4.0))

    (first, low), (second, middle), (third, high) = flask.dots
    assert (300, 700, 700) == (first, second, third)
    assert low == middle > high
    assert ("median guess 2.00 ×", 700) == (flask.guessed, flask.median)
    assert flask.needle is not None
    assert flask.band is not None
    assert flask.band[0] < flask.needle < flask.band[1] < 500
    assert ((), None, "") == (fastapi.dots, fastapi.median, fastapi.guessed)
    assert "FastAPI on uvicorn: async def over def" == fastapi.name


def test_many_guesses_of_one_value_stay_on_the_axis(half_way: tuple[Run, Judgement]) -> None:
    """However large the class is."""
    run, judgement = half_way
    guessed = GuessedRatio(framework="flask", guesses=(2.0,) * 400, median=2.0, measured=None)
    flask, _ = scenes.revealed(run.plan, scenes.shown_pairs(run.plan, judgement), {"flask": guessed}, Axis(4.0))

    assert 400 == len(flask.dots)
    assert min(y for _, y in flask.dots) > 0


def test_what_is_refused_has_no_needle(half_way: tuple[Run, Judgement]) -> None:
    """Its figure would be taken for a finding."""
    run, judgement = half_way
    refused = [
        dataclasses.replace(each, refusal="no", standing="refused") for each in scenes.shown_pairs(run.plan, judgement)
    ]
    shown = scenes.revealed(run.plan, refused, {}, Axis(4.0))

    assert [("Not judged.", None, None, "")] * 2 == [(each.word, each.needle, each.band, each.figure) for each in shown]


def test_who_races_next_is_told_with_the_conditions(half_way: tuple[Run, Judgement]) -> None:
    """By people's names; nothing where no race is possible."""
    told = scenes.lineup(half_way[0].plan)

    assert "10 connections, no wait, 6 rounds" == told["conditions"]
    assert "Flask on Hypercorn, def" == told["contenders"][0]["name"]
    assert [] == scenes.lineup(None)["contenders"]
