from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from benchmarks.live.recorder.states import State
from benchmarks.report.charts.palette import (
    ACCENT,
    BAD,
    BAND,
    COLOURS,
    GOOD,
    GRID,
    INK,
    MUTED,
    OTHER,
    PAPER,
    SPANS,
    Colour,
    SpanLook,
    framework_colour,
    framework_mark,
)
from flask_app import pages


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
    """On the light page and on the dark one, on paper and on the equal band, the contrast is at least 4.5."""
    for shade, paper, band in ((entry.light, PAPER.light, BAND.light), (entry.dark, PAPER.dark, BAND.dark)):
        assert 4.5 <= contrast(shade, paper)
        assert 4.5 <= contrast(shade, band)


@pytest.mark.parametrize("look", SPANS.values(), ids=SPANS)
def test_labels_of_spans_are_legible(look: SpanLook) -> None:
    """On a light page and on a dark one."""
    assert 4.5 <= contrast(look.text.light, look.colour.light)
    assert 4.5 <= contrast(look.text.dark, look.colour.dark)


def test_every_state_has_a_look_that_no_framework_and_no_outcome_has() -> None:
    """Whoever knows what a hue means in a chart is not misled by a timeline."""
    assert {str(state) for state in State} == set(SPANS)
    meant = {colour.light for colour in COLOURS if colour not in (PAPER, BAND)}
    assert not {look.colour.light for look in SPANS.values()} & meant


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_service_has_the_same_colours(scheme: str) -> None:
    """Its pages cannot import the palette, so their style sheet has a copy."""
    styles = (Path(pages.__file__).parent / "static" / "lab.css").read_text(encoding="utf-8")
    part = styles.split("@media (prefers-color-scheme: dark)")[scheme == "dark"]
    own = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", part))

    wanted = {"paper": PAPER, "ink": INK, "soft": MUTED, "line": GRID, "band": BAND, "good": GOOD, "bad": BAD}
    wanted |= {"link": ACCENT, "hue": framework_colour("flask")}
    assert {name: getattr(colour, scheme) for name, colour in wanted.items()} == {name: own[name] for name in wanted}
