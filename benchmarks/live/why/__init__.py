"""Shows why, on the workshop page: where requests spend their time, a loop step by step, and two keywords side by side.

``blueprint`` makes the pages for a Flask app, and ``NAVIGATION`` names them for its bar. Their templates extend the
app's ``layout.html``: its blocks ``title``, ``head`` and ``main``, and its style sheet's palette.
"""

from __future__ import annotations

from benchmarks.live.why.views import NAVIGATION, blueprint

__all__ = ["NAVIGATION", "blueprint"]
