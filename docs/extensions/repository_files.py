"""Lets pages link to the repository's own Markdown, such as its README, as they do on GitHub.

In the built handbook a file outside of ``docs/`` is a copy beside the pages, so that a room without internet can follow
the link. MyST sees to that by itself, but for a file that it takes for a page. Such a link is told here that it
leads to a file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_LINK_UPWARDS = re.compile(r"\]\((?P<path>(?:\.\./)+[^)#\s]+\.md)(?=[)#])")


def lead_to_copies(app: Sphinx, page: str, source: list[str]) -> None:
    """Mark the links of a page that lead to Markdown outside of the handbook, by MyST's word for a file: ``path:``."""
    here = Path(app.srcdir, page).parent

    def marked(link: re.Match[str]) -> str:
        inside = (here / link["path"]).resolve().is_relative_to(Path(app.srcdir).resolve())
        return link[0] if inside else f"](path:{link['path']}"

    source[0] = _LINK_UPWARDS.sub(marked, source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Have every page looked through before it is read."""
    app.connect("source-read", lead_to_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
