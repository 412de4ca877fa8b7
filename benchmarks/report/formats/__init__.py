"""One renderer for each format, from any ``Document`` to its text; no other module knows how a format is written.

A further format is a module with a function from a ``Document`` to its text, and a line in ``FORMATS``.
"""

from __future__ import annotations

import contextlib
import os
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import LabError

if TYPE_CHECKING:
    from benchmarks.report.document import Document

FORMATS: dict[str, str] = {
    "terminal": "benchmarks.report.formats.terminal:render",
    "markdown": "benchmarks.report.formats.markdown:render",
    "html": "benchmarks.report.formats.html:render",
    "json": "benchmarks.report.formats.data:render_json",
    "csv": "benchmarks.report.formats.data:render_csv",
}
"""Each format, and the function that renders it; its module is imported when it is asked for."""


RUN_NAME = "report"
"""Of a run's documents, in its folder; their endings are those of the formats."""

RUN_KEPT = "The run itself is kept; copy its folder to a place that can be written, and run `lab report` on it there."


def render(document: Document, form: str) -> str:
    """Return a document in one of ``FORMATS``."""
    text: str = pkgutil.resolve_name(FORMATS[form])(document)
    return text


def write_both(folder: Path, name: str, document: Document, advice: str) -> Path:
    """Write a document into a folder as Markdown and as a page, under a name without its ending.

    Returns:
        The page to open.
    Raises:
        LabError: As of ``write_whole``.
    """
    write_whole(folder / f"{name}.md", render(document, "markdown"), advice)
    write_whole(page := folder / f"{name}.html", render(document, "html"), advice)
    return page


def write_whole(path: Path, text: str, advice: str = "Name another file.") -> None:
    """Write a file whole or not at all.

    Raises:
        LabError: It cannot be written; ends with the advice on what to do.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise LabError(f"Cannot write {path}: {error.strerror or error}. {advice}") from error
