"""Repairs what axe-core finds in the pages that Sphinx and the theme write.

Both sides of a page are named, blocks of code and tables that scroll can be reached by keyboard, and a corner of a
table without words is not a heading.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_REPAIRS = (
    (re.compile(r'<aside class="sidebar-drawer">'), '<aside class="sidebar-drawer" aria-label="All pages">'),
    (re.compile(r'<aside class="(toc-drawer[^"]*)">'), r'<aside class="\1" aria-label="On this page">'),
    (re.compile(r"<pre>"), '<pre tabindex="0">'),
    (re.compile(r'<div class="(table-wrapper[^"]*)">'), r'<div class="\1" tabindex="0">'),
    (re.compile(r'<th class="(head[^"]*)"><p></p></th>'), r'<td class="\1"></td>'),
)


def repair(app: Sphinx, error: Exception | None) -> None:
    """Rewrite the pages that were built; one that was repaired before stays as it is."""
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = repaired = page.read_text(encoding="utf-8")
        for fault, repair_ in _REPAIRS:
            repaired = fault.sub(repair_, repaired)
        if repaired != text:
            page.write_text(repaired, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at the pages once all are there."""
    app.connect("build-finished", repair)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
