"""Writes documents into files, each whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from benchmarks.errors import LabError
from benchmarks.report.document import Document
from benchmarks.report.formats import render

RUN_NAME = "report"
"""Of a run's documents, in its folder; their endings are those of the formats."""

RUN_KEPT = "The run itself is kept; copy its folder to a place that can be written, and run `lab report` on it there."


def write_both(folder: Path, name: str, document: Document, advice: str) -> Path:
    """Write a document into a folder as Markdown and as a page, each whole or not at all.

    Args:
        folder: Of what the document tells.
        name: Of both files, without their endings.
        document: What to write.
        advice: What to do where they cannot be written.
    Returns:
        The page to open.
    Raises:
        LabError: The folder cannot be written to.
    """
    write_whole(folder / f"{name}.md", render(document, "markdown"), advice)
    page = folder / f"{name}.html"
    write_whole(page, render(document, "html"), advice)
    return page


def write_whole(path: Path, text: str, advice: str = "Name another file.") -> None:
    """Write a file whole or not at all.

    Args:
        path: Where to.
        text: All of it.
        advice: What to do where it cannot be written.
    Raises:
        LabError: It cannot be written; ends with the advice.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise LabError(f"Cannot write {path}: {error.strerror or error}. {advice}") from error
