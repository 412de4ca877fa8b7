"""Keeps the guesses of the class: one for each viewer, of each ratio that is asked for; no names.

A viewer counts as real once the page has proved that it reads the board.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.contenders.catalogue import HEADLINES
from benchmarks.errors import InvalidValueError, RefusedError
from benchmarks.judge.judgement import Estimate
from benchmarks.live.page.places import Places
from benchmarks.measure.race import Lineup
from benchmarks.report.figures import NOT_MEASURED, amount, estimated
from benchmarks.report.words import contender_name, framework_name

FRAMEWORKS: Final[Mapping[str, str]] = {
    framework: framework_name(framework) for framework in (each.partition("@")[0] for each in HEADLINES)
}
"""What is asked of the lab's own: async over sync of each framework, by its word in ids, with its name."""

MOST_RATIO: Final = 4.0
MOST_GUESSES: Final = 1_000
MOST_OF_ONE_ADDRESS: Final = 400
"""A school may be behind one address. A viewer is a cookie, and a viewer who deletes it gets another."""


def asked_of(lineup: Lineup) -> Mapping[str, str]:
    """Return what a class guesses before a race: async over sync by framework, or each app over the first."""
    if lineup.against is None:
        return FRAMEWORKS
    return {each.id: contender_name(each.id) for each in lineup.contenders if each.id != lineup.against}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessedRatio:
    """One ratio, such as a framework's async over sync, as it was guessed and as it was measured.

    Attributes:
        framework: Its word in ids; of somebody's app, the app's id.
        guesses: In ascending order.
        median: The middle one; ``None`` when there is none.
        measured: With its interval; ``None`` when it was not.
    """

    framework: str
    guesses: tuple[float, ...]
    median: float | None
    measured: Estimate | None

    @property
    def found(self) -> str:
        """What was measured, in words."""
        return NOT_MEASURED if self.measured is None else f"measured {estimated(self.measured, '×')}"

    @property
    def told(self) -> str:
        """All of it, in words."""
        guessed = "without a guess" if self.median is None else f"the class guessed {amount(self.median, '×')} (median)"
        counted = f" of {len(self.guesses)}" if self.guesses else ""
        return f"{contender_name(self.framework)}: {guessed}{counted}; {self.found}."


class Guesses:
    """Guesses of one class; open until a race begins.

    Args:
        asked: What ratios a guess has, and their names.

    Attributes:
        is_open: Whether guesses are taken.
        asked: As given.
        by_viewer: Ratio by what was asked, by viewer.
    """

    def __init__(self, asked: Mapping[str, str] = FRAMEWORKS) -> None:
        self.is_open = True
        self.asked = asked
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
            ratios: By what was asked, from 1/4 to 4, all of them.
            source: Owner of the viewer's address. One with too many guesses loses some of its own.
        Raises:
            RefusedError: Guesses are closed.
            InvalidValueError: This is not a guess.
        """
        if not self.is_open:
            raise RefusedError("Guesses are closed.")
        if set(ratios) != set(self.asked):
            raise InvalidValueError(f"A guess has a ratio for each of {', '.join(self.asked)}, and nothing else.")
        guess = {name: _ratio(ratios[name]) for name in self.asked}
        if viewer not in self._places and (displaced := self._places.take(viewer, source)) is not None:
            del self.by_viewer[displaced]
        self.by_viewer[viewer] = guess

    def confirm(self, viewer: str) -> None:
        """Note that a viewer's page reads the board."""
        self._places.confirm(viewer)

    def of(self, name: str) -> tuple[float, ...]:
        """Return all guesses of one ratio, in ascending order."""
        return tuple(sorted(guess[name] for guess in self.counted))

    def median(self, name: str) -> float | None:
        """Return the middle guess of one ratio; ``None`` when there is none."""
        ratios = self.of(name)
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
