"""Keeps the guesses of the class: one for each viewer, of the async over sync ratio of each framework; no names.

A viewer counts as real once the page has proved that it reads the board.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping
from typing import Final

from benchmarks.contenders.catalogue import HEADLINES
from benchmarks.errors import InvalidValueError, RefusedError
from benchmarks.live.page.places import Places

FRAMEWORKS: Final = tuple(arrangement.partition("@")[0] for arrangement in HEADLINES)
MOST_RATIO: Final = 4.0
MOST_GUESSES: Final = 1_000
MOST_OF_ONE_ADDRESS: Final = 400
"""A school may be behind one address. A viewer is a cookie, and a viewer who deletes it gets another."""


class Guesses:
    """Guesses of one class; open until a race begins.

    Attributes:
        is_open: Whether guesses are taken.
        by_viewer: Ratio by framework, by viewer.
    """

    def __init__(self) -> None:
        self.is_open = True
        self.by_viewer: dict[str, Mapping[str, float]] = {}
        self._places: Places[str] = Places(MOST_GUESSES, MOST_OF_ONE_ADDRESS)

    @property
    def counted(self) -> Collection[Mapping[str, float]]:
        """Guesses of viewers whose page reads the board; all guesses if no page has proved that it does."""
        confirmed = [guess for viewer, guess in self.by_viewer.items() if self._places.is_confirmed(viewer)]
        return confirmed or self.by_viewer.values()

    def take(self, viewer: str, ratios: Mapping[str, object], source: str = "") -> None:
        """Keep a viewer's guess; a later one replaces it while guesses are open.

        Args:
            viewer: Id of the viewer.
            ratios: Async over sync by framework, from 1/4 to 4, all of ``FRAMEWORKS``.
            source: Owner of the viewer's address. One with too many guesses loses some of its own.
        Raises:
            RefusedError: Guesses are closed.
            InvalidValueError: This is not a guess.
        """
        if not self.is_open:
            raise RefusedError("Guesses are closed: a race has begun.")
        if set(ratios) != set(FRAMEWORKS):
            raise InvalidValueError(f"A guess has a ratio for each of {', '.join(FRAMEWORKS)}, and nothing else.")
        guess = {framework: _ratio(ratios[framework]) for framework in FRAMEWORKS}
        if viewer not in self._places and (displaced := self._places.take(viewer, source)) is not None:
            del self.by_viewer[displaced]
        self.by_viewer[viewer] = guess

    def confirm(self, viewer: str) -> None:
        """Note that a viewer's page reads the board."""
        self._places.confirm(viewer)

    def of(self, framework: str) -> tuple[float, ...]:
        """Return all guesses of one framework, in ascending order."""
        return tuple(sorted(guess[framework] for guess in self.counted))

    def median(self, framework: str) -> float | None:
        """Return the middle guess of one framework; ``None`` when there is none."""
        ratios = self.of(framework)
        # On the scale of ratios: half-way between 1/2 and 2 is 1.
        return math.exp(statistics.median(map(math.log, ratios))) if ratios else None

    def clear(self) -> None:
        """Forget all guesses, and take new ones."""
        for viewer in self.by_viewer:
            self._places.leave(viewer)
        self.by_viewer.clear()
        self.is_open = True


def _ratio(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError("A guess is a number.")
    # The range of the slider, with room for rounding; NaN fails every comparison.
    if not 0.99 / MOST_RATIO <= value <= 1.01 * MOST_RATIO:
        raise InvalidValueError(f"A guess is from 1/{MOST_RATIO:g} to {MOST_RATIO:g}.")
    return min(max(float(value), 1 / MOST_RATIO), MOST_RATIO)
