"""Writes reports: ``report.md`` and ``report.html`` into a run's folder, and others where they are asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.document import Document
from benchmarks.report.formats import render
from benchmarks.report.html import render_html
from benchmarks.report.markdown import render_markdown

MARKDOWN_NAME = "report.md"
HTML_NAME = "report.html"

_KEPT = "The run itself is kept; copy its folder to a place that can be written, and run `lab report` on it there."


class ReportFileError(Exception):
    """A report cannot be written; the message says where and why."""


def write_reports(folder: Path, run: Run, judgement: Judgement, claims: Sequence[Claim]) -> Path:
    """Write both reports, each whole or not at all.

    Args:
        folder: The run's folder.
        run: What was measured.
        judgement: What was judged of it.
        claims: The ledger that it was judged by.
    Returns:
        The page to open.
    Raises:
        ReportFileError: The folder cannot be written to.
    """
    write_whole(folder / MARKDOWN_NAME, render_markdown(run, judgement, claims), _KEPT)
    page = folder / HTML_NAME
    write_whole(page, render_html(run, judgement, claims), _KEPT)
    return page


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
        ReportFileError: The folder cannot be written to.
    """
    write_whole(folder / f"{name}.md", render(document, "markdown"), advice)
    page = folder / f"{name}.html"
    write_whole(page, render(document, "html"), advice)
    return page


def write_document(path: Path, text: str) -> None:
    """Write a document to the file that a person named, whole or not at all.

    Raises:
        ReportFileError: It cannot be written.
    """
    write_whole(path, text, "Name another file.")


def write_whole(path: Path, text: str, advice: str) -> None:
    """Write a file whole or not at all.

    Args:
        path: Where to.
        text: All of it.
        advice: What to do where it cannot be written.
    Raises:
        ReportFileError: It cannot be written; ends with the advice.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise ReportFileError(f"Cannot write {path}: {error.strerror or error}. {advice}") from error
