from __future__ import annotations

import itertools

import pytest

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.report.charts.palette import (
    BAD,
    BAND,
    CELL_COLOURS,
    DOUBT,
    GOOD,
    INK,
    MUTED,
    OTHER,
    PAPER,
    SHADES,
    Colour,
    framework_colour,
)
from tests.benchmarks.report.charts.test_palette import contrast

TONES = tuple(dict.fromkeys((GOOD, BAD, OTHER, *CELL_COLOURS, *map(framework_colour, FRAMEWORKS))))


def blended(colour: str, opacity: float, paper: str) -> str:
    """Return what a colour looks like through which paper is seen."""
    pairs = [(int(colour[at : at + 2], 16), int(paper[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * one + (1 - opacity) * other):02x}" for one, other in pairs)


def papers(colour: Colour) -> tuple[tuple[str, str, str], ...]:
    """Return a colour, with ink and paper, on a light page and on a dark one."""
    return (colour.light, INK.light, PAPER.light), (colour.dark, INK.dark, PAPER.dark)


@pytest.mark.parametrize("tone", TONES, ids=lambda tone: tone.name)
def test_figures_are_legible_in_squares_of_every_tone(tone: Colour) -> None:
    """At every level, 4.5 to 1, in light and dark; a contender's letter has any framework's hue."""
    for (colour, ink, paper), opacity in itertools.product(papers(tone), SHADES):
        assert 4.5 <= contrast(ink, blended(colour, opacity, paper))


def test_figures_are_legible_where_squares_are_equal_or_uncertain() -> None:
    """In the equal tone, on the paper behind a figure that is hatched around, and in the legend."""
    for (band, ink, paper), (doubt, _, _), (muted, _, _) in zip(
        papers(BAND), papers(DOUBT), papers(MUTED), strict=True
    ):
        assert 4.5 <= contrast(ink, band)
        assert 4.5 <= contrast(ink, paper)
        assert 4.5 <= contrast(muted, paper)
        assert 3 <= contrast(doubt, paper)
