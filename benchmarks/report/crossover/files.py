"""Writes the reports of a map into its folder: ``map.md`` and ``map.html``."""

from __future__ import annotations

import contextlib
from pathlib import Path

from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.html import render_map_html
from benchmarks.report.crossover.markdown import render_map_markdown
from benchmarks.report.files import ReportFileError

MARKDOWN_NAME = "map.md"
HTML_NAME = "map.html"


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
    page = folder / HTML_NAME
    for path, text in ((folder / MARKDOWN_NAME, render_map_markdown(found)), (page, render_map_html(found))):
        draft = path.with_suffix(".tmp")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise ReportFileError(
                f"Cannot write {path}: {error.strerror or error}. The sweep itself is kept; copy its folder to a place "
                "that can be written, and run `lab crossover --from FOLDER` there."
            ) from error
    return page
