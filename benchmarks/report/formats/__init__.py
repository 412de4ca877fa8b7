"""One renderer a format: each sets any ``Document``, and nothing else knows its format.

A further format is a module with a function from a ``Document`` to its text, and a line in ``FORMATS``.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

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


def render(document: Document, form: str) -> str:
    """Return a document in one format.

    Args:
        document: What to tell.
        form: A name in ``FORMATS``.
    """
    text: str = pkgutil.resolve_name(FORMATS[form])(document)
    return text
