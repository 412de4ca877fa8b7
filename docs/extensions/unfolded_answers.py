"""Makes the line that unfolds an answer a text like others, so that it can be translated.

On GitHub an answer is unfolded by HTML: ``<details>`` and ``<summary>``. To Sphinx that is a block that it hands on as
it is, and of which translators see nothing.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.writers.html5 import HTML5Translator

_OPENED = re.compile(r"<details>\s*<summary>(?P<line>[^<]+)</summary>\s*")


class Summary(nodes.General, nodes.TextElement):
    """The line that is there before an answer is unfolded."""


class TranslatableSummaries(SphinxTransform):
    """Take the line out of its HTML, before catalogues are written and translations put in."""

    default_priority = 5

    def apply(self, **_: Any) -> None:
        """Put, for each block that opens an answer, HTML and the line that it holds."""
        for block in list(self.document.findall(nodes.raw)):
            opened = _OPENED.fullmatch(block.astext())
            if opened is None:
                continue
            line = Summary(opened["line"], opened["line"])
            line.source, line.line = self.document["source"], block.line
            block.replace_self([nodes.raw("", "<details>", format="html"), line])


def _open(writer: HTML5Translator, line: Summary) -> None:
    writer.body.append(writer.starttag(line, "summary", ""))


def _close(writer: HTML5Translator, _: Summary) -> None:
    writer.body.append("</summary>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the transform and its node known to Sphinx."""
    app.add_node(Summary, html=(_open, _close))
    app.add_transform(TranslatableSummaries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
