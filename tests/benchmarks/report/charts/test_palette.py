from __future__ import annotations

import itertools

import pytest

from benchmarks.report.charts.palette import (
    ACCENT,
    BAND,
    COLOURS,
    GRID,
    OTHER,
    PAPER,
    Colour,
    framework_colour,
    framework_mark,
)


def luminance(colour: str) -> float:
    """Return the relative luminance of a hexadecimal colour, as WCAG 2 defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    "entry", [colour for colour in (*COLOURS, ACCENT) if colour not in (PAPER, GRID, BAND)], ids=str
)
def test_text_of_every_colour_is_legible(entry: Colour) -> None:
    """On the light page and on the dark one the contrast is at least 4.5, on the equal band at least 3."""
    for shade, paper, band in ((entry.light, PAPER.light, BAND.light), (entry.dark, PAPER.dark, BAND.dark)):
        assert 4.5 <= contrast(shade, paper)
        assert 3 <= contrast(shade, band)


def test_no_two_roles_share_a_colour() -> None:
    """The SVG is searched for the light colours: each must mean one role."""
    lights = [colour.light for colour in COLOURS]

    assert len(set(lights)) == len(lights)
    assert all(one.name != other.name for one, other in itertools.combinations(COLOURS, 2))


def test_each_framework_has_its_hue() -> None:
    """And its marker, as the catalogue says; those that it does not know share one of each."""
    known, unknown = ("fastapi", "flask"), "bottle"

    assert ["fastapi", "flask", OTHER.name] == [framework_colour(each).name for each in (*known, unknown)]
    assert ["o", "s", "D"] == [framework_mark(each) for each in (*known, unknown)]
