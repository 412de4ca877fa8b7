"""Names the colours of the pages, their charts and their timelines, once for light and once for dark.

Hue says the framework and filling says the keyword (filled is ``async def``, hollow is ``def``), so that nothing is
shown by hue alone. Hues and markers of frameworks are the catalogue's. Spans of a timeline have muted colours of their
own, which no framework and no outcome has.
"""

from __future__ import annotations

from collections.abc import Mapping
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


SHADES: Final = (0.0, 0.14, 0.26, 0.38)
"""How opaque the colour of a map's cell is, by its level; ``INK`` is legible on all of them."""

CELL_COLOURS: Final = (OTHER, DOUBT, GOOD, BAD, MUTED, INK)
"""Of contenders on a map that share their framework's hue with another."""


@dataclass(frozen=True, slots=True)
class SpanLook:
    """How the spans of one kind look in a timeline.

    Attributes:
        colour: Of the span.
        text: Of a label on it: ``PAPER`` or ``INK``.
        terminal: Its style on a terminal, in rich's words.
    """

    colour: Colour
    text: Colour
    terminal: str


_NETWORK: Final = SpanLook(Colour("span-network", "#e6ebf0", "#29323c"), INK, "dim")
_SERVER: Final = SpanLook(Colour("span-server", "#4a6b7a", "#8fb1c1"), PAPER, "cyan")
_QUEUE: Final = SpanLook(Colour("span-queue", "#8a4f5c", "#d39aa6"), PAPER, "red")
_FRAMEWORK: Final = SpanLook(Colour("span-framework", "#626a74", "#a3abb5"), PAPER, "blue")
_LOOP: Final = SpanLook(Colour("span-loop", "#6b5b86", "#b3a3cf"), PAPER, "magenta")
_VIEW: Final = SpanLook(Colour("span-view", "#47705a", "#8fbfa3"), PAPER, "bold green")
_WAIT: Final = SpanLook(Colour("span-wait", "#e8dcb8", "#4d452c"), INK, "yellow")
_BLOCK: Final = SpanLook(Colour("span-block", "#94423f", "#e08f86"), PAPER, "bold red")
_HELD: Final = SpanLook(Colour("span-held", "#ffffff", "#11161c"), INK, "dim")

SPANS: Final[Mapping[str, SpanLook]] = {
    "sent": _NETWORK,
    "accepted": _SERVER,
    "queued for a thread": _QUEUE,
    "framework": _FRAMEWORK,
    "app running": _VIEW,
    "loop created": _LOOP,
    "view running": _VIEW,
    "waiting": _WAIT,
    "blocking the loop": _BLOCK,
    "loop closed": _LOOP,
    "back to the loop": _QUEUE,
    "back to its thread": _QUEUE,
    "answering": _SERVER,
    "answered": _NETWORK,
    "thread held": _HELD,
}
"""By the name of a request's state, which is also the class of its spans on a page, with hyphens."""
