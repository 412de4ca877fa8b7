from __future__ import annotations

import pytest

from benchmarks.errors import InvalidValueError, RefusedError
from benchmarks.live.page.stage import SCENES, Deed, Facts, Place, step

OPEN = Facts(is_racing=False, are_open=True, parts=0)
OVER = Facts(is_racing=False, are_open=False, parts=2)


def test_forward_leads_through_the_scenes_and_around() -> None:
    """Each comparison of the race is explained on its own; the round ends with new guesses."""
    place = Place()
    seen: list[tuple[str, Deed]] = []
    while not seen or place != Place():
        went = step(place, "forward", OVER)
        seen.append((str(place), went.deed))
        place = went.place

    assert [
        ("join-0", "close guesses"),
        ("closed-0", "start the race"),
        ("race-0", "nothing"),
        ("reveal-0", "nothing"),
        ("why-0", "nothing"),
        ("why-1", "nothing"),
        ("next-0", "ask for guesses"),
    ] == seen
    assert list(SCENES) == list(dict.fromkeys(place.partition("-")[0] for place, _ in seen))


def test_back_leads_from_the_end_to_the_race_and_no_further() -> None:
    """A race is not run again because somebody pressed back and forward."""
    place, seen = Place(), []
    while place.scene != "race":
        went = step(place, "back", OVER)
        assert "nothing" == went.deed
        place = went.place
        seen.append(str(place))

    assert ["next-0", "why-1", "why-0", "reveal-0", "race-0"] == seen
    with pytest.raises(RefusedError, match="nothing before"):
        step(place, "back", OVER)


@pytest.mark.parametrize(
    ("place", "direction", "facts", "expected", "deed"),
    [
        (Place("closed"), "back", OPEN, Place("join"), "open guesses"),
        (Place("next"), "forward", Facts(is_racing=False, are_open=True, parts=1), Place("join"), "nothing"),
        (Place("why"), "forward", OPEN, Place("next"), "nothing"),
    ],
)
def test_guesses_are_kept_by_a_look_back(
    place: Place, direction: str, facts: Facts, expected: Place, deed: Deed
) -> None:
    """What was closed too early opens again, and who looks at the last race while guesses are open loses none."""
    went = step(place, direction, facts)

    assert (expected, deed) == (went.place, went.deed)


def test_nothing_comes_before_the_first_race() -> None:
    """There is nothing to look back at."""
    with pytest.raises(RefusedError):
        step(Place(), "back", OPEN)


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_a_race_is_left_when_it_is_over(direction: str) -> None:
    """A clicker that is pressed meanwhile does nothing."""
    with pytest.raises(RefusedError, match="in progress"):
        step(Place("race"), direction, Facts(is_racing=True, are_open=False, parts=0))


def test_a_step_has_a_direction() -> None:
    """What else a client sends is refused."""
    with pytest.raises(InvalidValueError):
        step(Place(), "None", OPEN)
