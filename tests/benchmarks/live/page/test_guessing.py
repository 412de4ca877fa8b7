from __future__ import annotations

import pytest

from benchmarks.errors import InvalidValueError, RefusedError
from benchmarks.judge.judgement import Estimate
from benchmarks.live.page import guesses as guessing
from benchmarks.live.page.guesses import GuessedRatio, Guesses, asked_of
from benchmarks.measure.race import Lineup
from benchmarks.model import Contender


def test_the_middle_guess_is_half_way_on_the_scale_of_ratios() -> None:
    """Half-way between half and double is 1."""
    guesses = Guesses()
    guesses.take("one", {"flask": 0.5, "fastapi": 4})
    guesses.take("two", {"flask": 2, "fastapi": 4})

    assert 1.0 == pytest.approx(guesses.median("flask"))
    assert (4.0, 4.0) == guesses.of("fastapi")


def test_a_ratio_is_put_into_words_as_guessed_and_as_measured() -> None:
    """And so is one that nobody guessed or that was not measured."""
    measured = Estimate(value=0.54, low=0.53, high=0.56, samples=6)
    flask = GuessedRatio(framework="flask", guesses=(0.5, 2.0, 2.0), median=2.0, measured=measured)
    nobody = GuessedRatio(framework="fastapi", guesses=(), median=None, measured=None)

    assert "Flask: the class guessed 2.00 × (median) of 3; measured 0.54 × [0.53, 0.56]." == flask.told
    assert "FastAPI: without a guess; not measured." == nobody.told


def test_a_viewer_has_one_guess() -> None:
    """The last one that was committed while guesses were open."""
    guesses = Guesses()
    guesses.take("one", {"flask": 0.5, "fastapi": 1})
    guesses.take("one", {"flask": 2, "fastapi": 1})
    guesses.is_open = False

    with pytest.raises(RefusedError, match="closed"):
        guesses.take("one", {"flask": 1, "fastapi": 1})
    assert (2.0,) == guesses.of("flask")


@pytest.mark.parametrize(
    "ratios",
    [
        {},
        {"flask": 1},
        {"flask": 1, "fastapi": 1, "django": 1},
        {"flask": 1, "fastapi": "1"},
        {"flask": 1, "fastapi": True},
        {"flask": 1, "fastapi": None},
        {"flask": 1, "fastapi": 5},
        {"flask": 0, "fastapi": 1},
        {"flask": float("nan"), "fastapi": 1},
        {"flask": 1, "fastapi": 10**400},
    ],
)
def test_what_no_slider_says_is_no_guess(ratios: dict[str, object]) -> None:
    """A guess has a ratio within the slider's bounds for each framework."""
    guesses = Guesses()

    with pytest.raises(InvalidValueError):
        guesses.take("one", ratios)
    assert {} == guesses.by_viewer


def test_a_class_guesses_each_app_over_the_first() -> None:
    """Where somebody's apps race; of the lab's own async def over def of each framework."""
    apps = [
        Contender(framework="shop:app", variant=None, server=server, arguments=(), description="")
        for server in ("hypercorn", "uvicorn")
    ]
    asked = asked_of(Lineup(contenders=tuple(apps), against=apps[0].id))
    guesses = Guesses(asked)
    guesses.take("one", {"shop:app@uvicorn": 2})

    assert {"shop:app@uvicorn": "shop:app on uvicorn"} == asked
    assert (2.0,) == guesses.of("shop:app@uvicorn")
    assert {"flask", "fastapi"} == set(asked_of(Lineup()))


def test_a_flood_from_one_address_leaves_the_class_its_guesses() -> None:
    """It displaces only its own, and does not count once a page has proved that it is one."""
    guesses = Guesses()
    pupils = [f"pupil {number}" for number in range(40)]
    for viewer in pupils:
        guesses.take(viewer, {"flask": 0.5, "fastapi": 2}, "school")
    for number in range(5_000):
        guesses.take(f"invented {number}", {"flask": 4, "fastapi": 4}, "attic")
    assert 40 + guessing.MOST_OF_ONE_ADDRESS == len(guesses.counted)
    assert set(pupils) <= guesses.by_viewer.keys()
    guesses.take("late", {"flask": 0.5, "fastapi": 2}, "attic")

    for viewer in [*pupils, "late"]:
        guesses.confirm(viewer)
    assert 41 == len(guesses.counted)
    assert 0.5 == pytest.approx(guesses.median("flask"))
    for number in range(5_000):
        guesses.take(f"again {number}", {"flask": 4, "fastapi": 4}, "school")
    assert (0.5,) * 41 == guesses.of("flask")

    guesses.clear()
    assert (0, None) == (len(guesses.counted), guesses.median("flask"))
