"""How the handbook is built: ``make docs``, or for the translators' catalogues ``make docs-catalogues``.

Everything is on this machine: no extension here fetches anything, and the pages that come out ask no other host.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "Sync versus async lab"
author = "the lab's contributors"
copyright = "2026, the lab's contributors"  # noqa: A001 (Sphinx's own name for it)

extensions = [
    "accessible_pages",
    "myst_parser",
    "pictures_for_phones",
    "repository_files",
    "sequence_diagrams",
    "unfolded_answers",
]
root_doc = "index"
source_suffix = {".md": "markdown"}
exclude_patterns = ["extensions", "locales", "static"]

# Warnings are errors in `make docs`; nitpicky also makes one of each reference that leads nowhere.
nitpicky = True
# A section whose pages are all listed by name leaves nothing to its pattern, which is there for pages to come.
suppress_warnings = ["toc.empty_glob"]

# Headings have the anchors that GitHub gives them, so that a link works in both.
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
myst_fence_as_directive = ["mermaid"]

# One catalogue a page: docs/locales/zh_TW/LC_MESSAGES/lessons/4-is-async-faster.po. CONTRIBUTING says how.
language = "en"
locale_dirs = ["locales"]
gettext_compact = False
gettext_location = True

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["handbook.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
# Outputs are shown as they came: no colours are guessed for what is no program.
highlight_language = "text"
