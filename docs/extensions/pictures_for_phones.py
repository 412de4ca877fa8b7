"""Shows a drawing as it is drawn for a phone where the page is narrow: ``name-phone.svg`` beside ``name.svg``.

On GitHub a page has one picture. Here it has both, and the style sheet shows one of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class PicturesForPhones(SphinxTransform):
    """Put the second picture behind the first, before pictures are collected."""

    default_priority = 5

    def apply(self, **_: Any) -> None:
        """Look for the second picture of each one."""
        here = Path(self.document["source"]).parent
        for image in list(self.document.findall(nodes.image)):
            address = image["uri"].removesuffix(".svg") + "-phone.svg"
            if image["uri"] == address or not (here / address).is_file():
                continue
            narrow = image.deepcopy()
            narrow["uri"] = address
            narrow["classes"] = [*image["classes"], "narrow"]
            image["classes"] = [*image["classes"], "wide"]
            image.parent.insert(image.parent.index(image) + 1, narrow)


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the transform known to Sphinx."""
    app.add_transform(PicturesForPhones)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
