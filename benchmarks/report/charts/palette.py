"""Names the colours of the page and its charts, once for light and once for dark.

Hue says the framework and filling says the keyword (filled is ``async def``, hollow is ``def``), so that nothing is
shown by hue alone. Hues and markers of frameworks are the catalogue's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.contenders.apps import OTHER_MARK
from benchmarks.contenders.catalogue import FRAMEWORKS


@dataclass(frozen=True, slots=True)
class Colour:
    """One role on the page.

    Attributes:
        name: The role, which is also the name of the CSS variable.
        light: Hexadecimal colour on a light page. It is what matplotlib draws with and the SVG is searched for,
            so no two roles share one.
        dark: The same on a dark page.
    """

    name: str
    light: str
    dark: str


PAPER: Final = Colour("paper", "#ffffff", "#11161c")
INK: Final = Colour("ink", "#1b2127", "#e8ecf0")
MUTED: Final = Colour("muted", "#56606b", "#a6b0bb")
GRID: Final = Colour("grid", "#d9dfe5", "#323b45")
BAND: Final = Colour("band", "#e6ebf0", "#29323c")
OTHER: Final = Colour("other", "#6b4ca8", "#c3a6f5")
GOOD: Final = Colour("good", "#0b6b43", "#58d199")
BAD: Final = Colour("bad", "#a81d4e", "#ff86ab")
DOUBT: Final = Colour("doubt", "#7a5800", "#e8c05a")

_FRAMEWORKS: Final = {each.id: Colour(each.id, *each.hue) for each in FRAMEWORKS.values() if each.hue is not None}

COLOURS: Final = (PAPER, INK, MUTED, GRID, BAND, *_FRAMEWORKS.values(), OTHER, GOOD, BAD, DOUBT)

ACCENT: Final = Colour("accent", "#0a68a6", "#5bb8f0")
"""Of links, buttons and what has the focus: it stands for nothing."""


def framework_colour(framework: str) -> Colour:
    """Return the hue that stands for a framework."""
    return _FRAMEWORKS.get(framework, OTHER)


def framework_mark(framework: str) -> str:
    """Return the marker that stands for a framework, in matplotlib's letters."""
    return FRAMEWORKS[framework].mark if framework in FRAMEWORKS else OTHER_MARK
