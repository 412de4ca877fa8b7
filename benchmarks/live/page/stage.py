"""Which scene the stage shows, and where forward and back lead from it; pure.

A class goes through the scenes in their order, and around again. The director does what a step asks for, and tells all
pages the scene: a page that is opened late, or comes back, shows the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.errors import InvalidValueError, RefusedError

Scene = Literal["join", "closed", "race", "reveal", "why", "next"]
Direction = Literal["forward", "back"]
Deed = Literal["nothing", "close guesses", "open guesses", "ask for guesses", "start the race"]
"""What is to be done before the scene that a step leads to."""

SCENES: Final[Mapping[Scene, str]] = {
    "join": "Close the guesses",
    "closed": "Start the race",
    "race": "Reveal what was measured",
    "reveal": "Show why",
    "why": "Go on",
    "next": "Ask for guesses again",
}
"""The scenes in their order, and what a step forward from each does."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stage is.

    Attributes:
        scene: See ``SCENES``.
        part: Of ``why``, which shows one comparison after the other; 0 elsewhere.
    """

    scene: Scene = "join"
    part: int = 0

    def __str__(self) -> str:
        """Return it as pages send it back, so that a step from a place which was left meanwhile is seen."""
        return f"{self.scene}-{self.part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides where a step leads.

    Attributes:
        is_racing: Whether a race is in progress, or ends.
        are_open: Whether guesses are taken.
        parts: How many comparisons the last race has to explain; 0 before the first one.
    """

    is_racing: bool
    are_open: bool
    parts: int


@dataclass(frozen=True, slots=True)
class Step:
    """Where a step leads, and what is to be done for it."""

    place: Place
    deed: Deed = "nothing"


def told(place: Place, *, is_racing: bool) -> dict[str, str]:
    """Return where the stage is and what a step forward does, as pages get it; during a race that is nothing."""
    return {"scene": place.scene, "place": str(place), "forward": "" if is_racing else SCENES[place.scene]}


def step(place: Place, direction: str, facts: Facts) -> Step:
    """Return where a step leads.

    Args:
        place: From which it is made.
        direction: Of the step.
        facts: At that moment.
    Raises:
        RefusedError: A race is in progress, or there is nothing in that direction.
        InvalidValueError: This is no direction.
    """
    if direction not in {"forward", "back"}:
        raise InvalidValueError("A step leads forward or back.")
    if facts.is_racing:
        raise RefusedError("A race is in progress: stop it first, or wait for its end.")
    return _forward(place, facts) if direction == "forward" else _back(place, facts)


def _forward(place: Place, facts: Facts) -> Step:
    match place.scene:
        case "join":
            return Step(Place("closed"), "close guesses")
        case "closed":
            return Step(Place("race"), "start the race")
        case "race":
            return Step(Place("reveal"))
        case "reveal":
            return Step(Place("why"))
        case "why":
            return Step(Place("why", place.part + 1) if place.part + 1 < facts.parts else Place("next"))
        case "next":
            # Guesses that are open already, as after a look back, are kept.
            return Step(Place("join"), "nothing" if facts.are_open else "ask for guesses")


def _back(place: Place, facts: Facts) -> Step:
    match place.scene:
        case "closed":
            return Step(Place("join"), "open guesses")
        case "reveal":
            return Step(Place("race"))
        case "why":
            return Step(Place("why", place.part - 1) if place.part else Place("reveal"))
        case "next" if facts.parts:
            return Step(Place("why", facts.parts - 1))
        case "join" if facts.parts:
            # The last race once more, for those who came late.
            return Step(Place("next"))
        case _:
            # From a race that is over no step leads to its start, or the next one forward would race again.
            raise RefusedError("There is nothing before this.")
