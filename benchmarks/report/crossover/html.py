"""Renders a crossover map as one page that a class can be shown: no network, no script, no font."""

from __future__ import annotations

from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.charts.heat_map import heat_map
from benchmarks.report.charts.rate_curves import rate_curves
from benchmarks.report.crossover.story import tell_map
from benchmarks.report.page import render_page


def render_map_html(found: CrossoverMap) -> str:
    """Return a map as one HTML document."""
    story = tell_map(found)
    return render_page(
        "crossover.html.j2",
        story=story,
        keywords=[(grid, heat_map(story, grid)) for grid in story.keywords],
        winners=heat_map(story, story.winners),
        curves=rate_curves(story, found),
    )
