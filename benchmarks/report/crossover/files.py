"""Writes the reports of a map into its folder: ``map.md`` and ``map.html``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.html import render_map_html
from benchmarks.report.crossover.markdown import render_map_markdown
from benchmarks.report.files import write_whole

MARKDOWN_NAME = "map.md"
HTML_NAME = "map.html"

_KEPT = (
    "The sweep itself is kept; copy its folder to a place that can be written, and run `lab crossover --from FOLDER` "
    "there."
)


def write_map_reports(folder: Path, found: CrossoverMap) -> Path:
    """Write both reports, each whole or not at all.

    Args:
        folder: The sweep's folder.
        found: The map.
    Returns:
        The page to open.
    Raises:
        ReportFileError: The folder cannot be written to.
    """
    write_whole(folder / MARKDOWN_NAME, render_map_markdown(found), _KEPT)
    page = folder / HTML_NAME
    write_whole(page, render_map_html(found), _KEPT)
    return page
